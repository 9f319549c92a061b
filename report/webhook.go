package report

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/autorollback/autorollback/record"
)

// ErrDisabled means that the other side answered 410 Gone: it wants no more
// messages, and none is sent to it until the program starts again.
var ErrDisabled = errors.New("the webhook's owner has turned it off (410 Gone)")

const webhookTimeout = 15 * time.Second

// A Webhook posts messages, signed as Standard Webhooks 1.0.0 says, to one address
// from configuration. It follows no redirect, uses no proxy, and refuses to connect
// to link-local and cloud metadata addresses, whatever name they hide behind.
type Webhook struct {
	target  Secret // some services put a key into the path
	host    string
	secrets []Secret
	client  *http.Client
	gone    atomic.Bool
}

// NewWebhook takes the address and one or more secrets in the standard's form,
// "whsec_" + base64 of 24 to 64 bytes. A message carries a signature of each, so
// that the receiver can rotate.
func NewWebhook(target string, secrets ...Secret) (*Webhook, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("webhook address: not a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return nil, errors.New("webhook address: want https://HOST/… or http://HOST/…")
	case u.User != nil:
		return nil, errors.New("webhook address: no user or password in it, please; the signature is the proof")
	case len(secrets) == 0:
		return nil, errors.New("webhook: a signing secret is needed")
	}
	w := &Webhook{target: NewSecret(target), host: u.Host, client: guardedClient()}
	for _, s := range secrets {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), "whsec_"))
		if err != nil || len(raw) < 24 || len(raw) > 64 {
			return nil, errors.New("webhook secret: want whsec_ and base64 of 24 to 64 random bytes")
		}
		w.secrets = append(w.secrets, NewSecret(string(raw)))
	}
	return w, nil
}

type webhookBody struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"` // when the message was made
	Data      webhookData `json:"data"`
}

type webhookData struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	Region   string    `json:"region"`
	Incident string    `json:"incident"`
	Kind     string    `json:"kind"`
	Page     bool      `json:"page"`
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Approval string    `json:"approval_link,omitempty"`
	Journal  string    `json:"journal,omitempty"` // whose, and its head: REPLICA LINES:sha256:HEX
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
}

// Send posts the message once. Only 2xx is success. The webhook-id is the message's
// id, the same at every retry, so the receiver can drop doubles.
func (w *Webhook) Send(ctx context.Context, m record.Message, link string) error {
	if w.gone.Load() {
		return ErrDisabled
	}
	journal := ""
	if m.Anchor.Lines > 0 {
		journal = m.Anchor.String()
	}
	body, err := json.Marshal(webhookBody{Type: "autorollback.incident." + m.Kind, Timestamp: m.CreatedAt.UTC(), Data: webhookData{
		ID: m.ID, Service: m.Service, Region: m.Region, Incident: m.Incident, Kind: m.Kind, Page: m.Page,
		Title: m.Title, Text: m.Text, Approval: link, Journal: journal, StartsAt: m.StartsAt, EndsAt: m.EndsAt,
	}})
	if err != nil {
		return fmt.Errorf("send webhook: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	status, err := w.post(ctx, m.ID, body)
	if err != nil {
		return fmt.Errorf("send webhook to %s: %w", w.host, err)
	}
	if status == http.StatusGone {
		w.gone.Store(true)
		return ErrDisabled
	}
	if status/100 != 2 {
		return fmt.Errorf("send webhook to %s: status %d", w.host, status)
	}
	return nil
}

func (w *Webhook) post(ctx context.Context, id string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.target.Reveal(), bytes.NewReader(body))
	if err != nil {
		return 0, withoutURL(err)
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "autorollback")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", stamp)
	req.Header.Set("Webhook-Signature", w.sign(id, stamp, body))
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection can be used again
	return resp.StatusCode, nil
}

func (w *Webhook) sign(id, stamp string, body []byte) string {
	var out []string
	for _, secret := range w.secrets {
		h := hmac.New(sha256.New, []byte(secret.Reveal()))
		fmt.Fprintf(h, "%s.%s.", id, stamp)
		h.Write(body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(out, " ")
}

// guardedClient makes requests to the configured host and nowhere else: no proxy
// (it would resolve the name, not we), no redirects, no forbidden addresses.
func guardedClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: refuseForbidden}
	return &http.Client{
		CheckRedirect: noRedirect,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConns:           4,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 16 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// refuseForbidden is asked with the address after the name was resolved, for every
// address tried, so a name cannot change its mind in between.
func refuseForbidden(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	if forbidden(at.Addr()) {
		return fmt.Errorf("refuse to connect to %s: a link-local, multicast or cloud metadata address", at.Addr())
	}
	return nil
}

// forbidden reports link-local, multicast and unspecified addresses, and the
// metadata services of clouds that live elsewhere. Loopback and private addresses
// are allowed: a team's hook usually is inside.
func forbidden(a netip.Addr) bool {
	a = embedded(a.Unmap().WithZone(""))
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return true
	}
	switch a.String() {
	case "255.255.255.255",
		"168.63.129.16",   // Azure
		"100.100.100.200", // Alibaba
		"192.0.0.192",     // Oracle
		"fd00:ec2::254",   // AWS
		"fd20:ce::254":    // Google
		return true
	}
	return false
}

// embedded returns the IPv4 address inside NAT64 (64:ff9b::/96), 6to4 (2002::/16)
// and IPv4-compatible (::/96) addresses, and any other address unchanged.
func embedded(a netip.Addr) netip.Addr {
	if !a.Is6() || a.IsLoopback() {
		return a
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// withoutURL drops the address from an HTTP client's error: it may hold a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
