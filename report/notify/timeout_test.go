package notify

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/secret"
)

// silence takes a request and never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSendersGiveUp(t *testing.T) {
	m := report.Opened(incidents()["acted"], ranker(), breach)
	for name, c := range map[string]struct {
		send func(context.Context) error
		want time.Duration
	}{
		"webhook": {func(ctx context.Context) error {
			w, err := hookTo("https://hooks.example", secret.New(secretOf('a')))
			if err != nil {
				return err
			}
			w.client.Transport = silence{}
			return w.Send(ctx, m, "")
		}, 15 * time.Second},
		"two Alertmanagers at once": {func(ctx context.Context) error {
			a := poster("http://am-a.example", "http://am-b.example")
			a.Client = &http.Client{Transport: silence{}}
			return a.Send(ctx, m, "")
		}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if err := c.send(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); took != c.want {
					t.Errorf("gave up after %s, want %s", took, c.want)
				}
			})
		})
	}
}
