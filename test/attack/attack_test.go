package attack

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// most is what may be resident under any attack, in MiB.
const most = 256

// An attack goes on until its context ends.
type attack struct {
	name string
	run  func(*attacker) error
}

var attacks = []attack{
	{"nothing", func(a *attacker) error { a.sent.Add(1); <-a.ctx.Done(); return nil }},
	{"webhook: 32 bodies of 4 MB, empty alerts", func(a *attacker) error {
		body := `{"version":"4","alerts":[` + strings.TrimSuffix(strings.Repeat("{},", 1<<20), ",") + `]}`
		return a.repeat(32, func() error { return a.hook(body) })
	}},
	{"webhook: 32 bodies of 4 MB, many labels", func(a *attacker) error {
		one := `{"status":"firing","labels":{"autorollback":"true","service":"ranker","trigger":"errors",` + strings.TrimSuffix(lines(350, `"l%d":"v",`), ",") + `}},`
		body := `{"version":"4","alerts":[` + strings.TrimSuffix(strings.Repeat(one, 900), ",") + `]}`
		return a.repeat(32, func() error { return a.hook(body) })
	}},
	{"webhook: 32 bodies of 4 MB, one text", func(a *attacker) error {
		body := `{"version":"4","alerts":[{"labels":{"a":"` + strings.Repeat("x", 4<<20-100) + `"}}]}`
		return a.repeat(32, func() error { return a.hook(body) })
	}},
	{"webhook: 64 KiB of alerts for us, again and again", func(a *attacker) error {
		one := `{"status":"firing","labels":{"autorollback":"true","service":"ranker","trigger":"errors"}},`
		body := `{"version":"4","alerts":[` + strings.TrimSuffix(strings.Repeat(one, 700), ",") + `]}`
		return a.repeat(32, func() error { return a.hook(body) })
	}},
	{"receiver: 300 connections that say nothing", func(a *attacker) error { return a.hold(300, a.d.hooks, "", "") }},
	{"receiver: 300 bodies that do not end", func(a *attacker) error {
		return a.hold(300, a.d.hooks, "POST /v1/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 4000000\r\n\r\n", `{"version":"4","alerts":[`)
	}},
	{"web: 3,000 connections that say nothing", func(a *attacker) error { return a.hold(3000, a.d.web, "", "") }},
	{"web: 3,000 headers that do not end", func(a *attacker) error {
		return a.hold(3000, a.d.web, "GET / HTTP/1.1\r\nHost: x\r\n", "a: b\r\n")
	}},
	{"web: 600 headers of 16 KiB, short fields", func(a *attacker) error {
		return a.hold(600, a.d.web, "GET / HTTP/1.1\r\nHost: x\r\n"+lines(2200, "%03x:\r\n"), "a: b\r\n")
	}},
	{"web: 200 connections that guess the password of somebody", func(a *attacker) error {
		return a.repeat(200, func() error { return a.guess("demo") })
	}},
	{"web: 200 connections that guess names and passwords", func(a *attacker) error {
		return a.repeat(200, func() error { return a.guess(rand.Text()) })
	}},
	{"orders: 1 MB of YAML, 90,000 unknown keys", func(a *attacker) error {
		body := lines(90_000, "key%d: 1\n")
		return a.repeat(16, func() error { return a.order("/releases", "application/yaml", body) })
	}},
	{"orders: 128 KiB of YAML, unknown keys", func(a *attacker) error {
		body := lines(11_000, "key%d: 1\n")
		return a.repeat(16, func() error { return a.order("/releases", "application/yaml", body) })
	}},
	{"orders: 128 KiB of YAML, flow lists", func(a *attacker) error {
		body := "regions: [" + strings.Repeat("a,", 38_000) + "]\n"
		return a.repeat(16, func() error { return a.order("/releases", "application/yaml", body) })
	}},
	{"orders: 128 KiB of JSON", func(a *attacker) error {
		body := `{"` + strings.Repeat("x", 120<<10) + `":1}`
		return a.repeat(16, func() error { return a.order("/shadow", "application/json", body) })
	}},
	{"forms: links and forms that are none", func(a *attacker) error {
		return a.repeat(64, func() error {
			return a.send(a.d.web, http.MethodPost, "/approve/"+strings.Repeat("x", 4000), "application/x-www-form-urlencoded", strings.Repeat("a=b&", 4000), signIn)
		})
	}},
	{"flags: 3,000 connections that say nothing", func(a *attacker) error { return a.hold(3000, a.d.ofrep, "", "") }},
	{"flags: 64 KiB of JSON", func(a *attacker) error {
		body := `{"context":{"service":"ranker","version":"v1","x":[` + strings.TrimSuffix(strings.Repeat("[],", 20_000), ",") + `]}}`
		return a.repeat(64, func() error {
			return a.send(a.d.ofrep, http.MethodPost, "/ofrep/v1/evaluate/flags", "application/json", body, bearer)
		})
	}},
}

func TestNoAttackTakesMemoryOrKeepsAnybodyOut(t *testing.T) {
	sim.Bulk(t)
	prometheus := servers.Prometheus(t, "global: {scrape_interval: 1m}\n", nil)
	table := "\nattack | resident | scrape | sign-in | webhook\n"
	for _, one := range attacks {
		t.Run(one.name, func(t *testing.T) {
			d := start(t, prometheus.URL)
			ctx, cancel := context.WithTimeout(t.Context(), lasts())
			defer cancel()
			all, err := d.during(t.Context(), func() error { return newAttacker(ctx, d).attack(one) })
			if err != nil {
				t.Error(err)
			}
			table += d.row(one.name, all)
		})
	}
	t.Log(table)
}

// row is what an attack took of the daemon, and how long honest callers waited at worst.
func (d *daemon) row(name string, all []*honest) string {
	d.t.Helper()
	peak := d.peak()
	if peak > most {
		d.t.Errorf("%d MiB were resident, at most %d may be", peak, most)
	}
	row := fmt.Sprintf("%s | %d MiB", name, peak)
	for _, h := range all {
		row += fmt.Sprintf(" | %s (%d)", h.worst.Round(time.Millisecond), h.calls)
	}
	return row + "\n"
}
