package notify

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
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

// ErrDisabled means that the other side answered 410 Gone: it wants no more
// messages, and none is sent to it until the program starts again.
var ErrDisabled = errors.New("the webhook's owner has turned it off (410 Gone)")

const webhookTimeout = 15 * time.Second

// A Webhook posts messages, signed as Standard Webhooks 1.0.0 says, to one address
// from configuration. Its client follows no redirect and uses no proxy, which would resolve the
// name, not we.
type Webhook struct {
	target  secret.Value // some services put a key into the path
	host    string
	secrets []secret.Value
	client  *http.Client
	gone    atomic.Bool
}

// NewWebhook takes the address, the client that calls it, and one or more secrets in the standard's form,
// "whsec_" + base64 of 24 to 64 bytes. A message carries a signature of each, so
// that the receiver can rotate.
func NewWebhook(target secret.Value, client *http.Client, secrets ...secret.Value) (*Webhook, error) {
	u, err := url.Parse(target.Reveal())
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
	w := &Webhook{target: target, host: u.Host, client: client}
	for _, s := range secrets {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), "whsec_"))
		if err != nil || len(raw) < 24 || len(raw) > 64 {
			return nil, errors.New("webhook secret: want whsec_ and base64 of 24 to 64 random bytes")
		}
		if err := secret.Weak(raw, 0); err != nil {
			return nil, fmt.Errorf("webhook secret: it %w", err)
		}
		w.secrets = append(w.secrets, secret.New(string(raw)))
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
	Signed   string    `json:"journal_signature,omitempty"`
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
		Title: m.Title, Text: m.Text, Approval: link, Journal: journal, Signed: m.Anchor.Signature, StartsAt: m.StartsAt, EndsAt: m.EndsAt,
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
		return 0, outbound.Cause(err)
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "autorollback")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", stamp)
	req.Header.Set("Webhook-Signature", w.sign(id, stamp, body))
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, outbound.Cause(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection can be used again
	return resp.StatusCode, nil
}

func (w *Webhook) sign(id, stamp string, body []byte) string {
	var out []string
	for _, s := range w.secrets {
		h := hmac.New(sha256.New, []byte(s.Reveal()))
		fmt.Fprintf(h, "%s.%s.", id, stamp)
		h.Write(body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(out, " ")
}
