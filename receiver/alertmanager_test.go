package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// TestRealAlertmanager: a real one, with token and client certificate as users
// configure it, sends again until the outcome is committed, and then no more.
func TestRealAlertmanager(t *testing.T) {
	ca := newAuthority(t, "ca")
	cert, key := ca.issue(t, "autorollback")
	clientCert, clientKey := ca.issue(t, "alertmanager")
	tokenFile := write(t, "token", token+"\n")

	received := make(chan []record.Alert, 10)
	calls := 0 // one group of one Alertmanager: calls come one after another
	d := open(t, func(_ context.Context, a []record.Alert) error {
		if calls++; calls <= 2 {
			return errors.New("store is away")
		}
		received <- a
		return nil
	}, receiver.Config{
		TokenFile: tokenFile,
		TLS:       receiver.TLS{Cert: cert, Key: key, ClientCA: ca.file, Allowed: []string{"alertmanager"}},
	})
	url := listen(t, d, "https")
	am := servers.Alertmanager(t, fmt.Sprintf(`
route: {receiver: autorollback, group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 1h}
receivers:
- name: autorollback
  webhook_configs:
  - url: %s
    send_resolved: true
    timeout: 5s
    http_config:
      follow_redirects: false
      authorization: {type: Bearer, credentials_file: %s}
      tls_config: {ca_file: %s, cert_file: %s, key_file: %s}
`, url, tokenFile, ca.file, clientCert, clientKey))
	alertmanager{am.URL}.post(t, time.Time{}, labels())

	select {
	case got := <-received:
		if len(got) != 1 || got[0].Service != "ranker" || got[0].Trigger != "latency" || !got[0].Firing || got[0].Severity != runbook.Severe {
			t.Errorf("received %+v", got)
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("Alertmanager did not send again after 503; its log:\n%s", am.Log())
	}
	if n := d.counter(t, "autorollback_webhook_requests_total", "code", "503"); n != 2 {
		t.Errorf("answered 503 %v times, want 2", n)
	}
}

// TestRealAlertmanagerWithAWrongToken: it is refused, and counted.
func TestRealAlertmanagerWithAWrongToken(t *testing.T) {
	d := open(t, func(context.Context, []record.Alert) error { t.Error("let in"); return nil }, receiver.Config{})
	url := listen(t, d, "http")
	am := servers.Alertmanager(t, fmt.Sprintf(`
route: {receiver: autorollback, group_by: ['...'], group_wait: 0s, group_interval: 1m}
receivers:
- name: autorollback
  webhook_configs:
  - {url: '%s', http_config: {authorization: {type: Bearer, credentials_file: %s}}}
`, url, write(t, "wrong", "not the token that the receiver knows")))
	alertmanager{am.URL}.post(t, time.Time{}, labels())
	deadline := time.Now().Add(2 * time.Minute)
	for d.counter(t, "autorollback_webhook_requests_total", "code", "401") == 0 {
		if time.Now().After(deadline) {
			t.Fatalf("never refused; Alertmanager's log:\n%s", am.Log())
		}
		<-time.After(20 * time.Millisecond)
	}
}
