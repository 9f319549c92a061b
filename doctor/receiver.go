package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/view"
)

const (
	// settles is how long after the start the watchdog may take to come: it is repeated every
	// two minutes.
	settles = 5 * time.Minute
	// silent is how old the watchdog may be.
	silent = 10 * time.Minute
	// recent is how long a refused call is told after one that was taken.
	recent = 2 * time.Minute
)

// receiver checks what came by webhook.
func (p *patient) receiver(context.Context) []view.Check {
	now := time.Now()
	return []view.Check{p.refusals(now), p.watchdog(now)}
}

func (p *patient) refusals(now time.Time) view.Check {
	accepted, refused := p.Calls()
	what := fmt.Sprintf("a call from %s was refused %s ago: %d, %s",
		refused.From, now.Sub(refused.At).Round(time.Second), refused.Code, refused.Text)
	fix := p.correct(refused)
	switch {
	case refused.At.After(accepted.At):
		return off(receiverPart, "calls", what, fix)
	case !refused.At.IsZero() && now.Sub(refused.At) < recent:
		return degraded(receiverPart, "calls", what+"; others are taken", fix)
	case accepted.At.IsZero():
		return unknown(receiverPart, "calls", "no call yet",
			"ask again in two minutes, or test the path: autorollback doctor --fire")
	}
	return ok(receiverPart, "calls",
		fmt.Sprintf("the newest call was accepted %s ago", now.Sub(accepted.At).Round(time.Second)))
}

// correct says what to do about a refused call.
func (d *Doctor) correct(refused Call) string {
	if refused.Code == http.StatusUnauthorized {
		return "let the credentials_file of Alertmanager's webhook hold a line of --receiver.token-file"
	}
	return "correct the webhook in Alertmanager: its url ends in " + d.ReceiverPath
}

func (p *patient) watchdog(now time.Time) view.Check {
	at := p.Watchdog()
	age := now.Sub(at).Round(time.Second)
	fix := "find where the path breaks: autorollback doctor --fire"
	switch {
	case at.IsZero() && now.Sub(p.Started) < settles:
		return unknown(receiverPart, "watchdog",
			fmt.Sprintf("not received yet; the daemon started %s ago", now.Sub(p.Started).Round(time.Second)),
			"ask again in two minutes, or "+fix)
	case at.IsZero():
		return off(receiverPart, "watchdog", "never received by webhook, so no alert would arrive: only the watcher works",
			fix)
	case age > silent:
		return off(receiverPart, "watchdog",
			fmt.Sprintf("last received by webhook %s ago, so no alert would arrive: only the watcher works", age), fix)
	}
	return ok(receiverPart, "watchdog", fmt.Sprintf("last received by webhook %s ago", age))
}
