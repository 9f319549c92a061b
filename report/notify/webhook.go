package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

// A Webhook posts messages, signed as Standard Webhooks 1.0.0 says, to one address
// from configuration. Its client follows no redirect and uses no proxy, which would resolve the
// name, not we.
type Webhook struct {
	endpoint
	secrets []secret.Value
	gone    atomic.Bool
}

// NewWebhook takes the address, the client that calls it, and one or more secrets in the standard's form,
// "whsec_" + base64 of 24 to 64 bytes. A message carries a signature of each, so
// that the receiver can rotate.
func NewWebhook(target secret.Value, client *http.Client, secrets ...secret.Value) (*Webhook, error) {
	to, err := newEndpoint(target, client)
	if err != nil {
		return nil, fmt.Errorf("webhook address: %w", err)
	}
	if len(secrets) == 0 {
		return nil, errors.New("webhook: a signing secret is needed")
	}
	w := &Webhook{endpoint: to}
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
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	a, err := w.post(ctx, http.Header{"Webhook-Id": {m.ID}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {w.sign(m.ID, stamp, body)}}, body)
	switch {
	case err != nil:
		return fmt.Errorf("send webhook to %s: %w", w.host, err)
	case a.status == http.StatusGone:
		w.gone.Store(true)
		return ErrDisabled
	case a.status/100 != 2:
		return failure{text: fmt.Sprintf("send webhook to %s: status %d", w.host, a.status), await: retryAfter(a, time.Now())}
	}
	return nil
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
