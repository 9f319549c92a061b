package actuators

import (
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// A user keeps an address and what cookies it is given.
type user struct {
	address net.IP
	cookie  *http.Cookie
	side    string // who answered last
}

// crowd makes n users with addresses of their own on loopback.
func crowd(n int) []*user {
	var all []*user
	for i := range n {
		all = append(all, &user{address: net.IPv4(127, 1, byte(1+i/250), byte(1+i%250))})
	}
	return all
}

func (w *world) visit(u *user) string {
	w.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: u.address}}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.traefik.URL, nil)
	if err != nil {
		w.Fatal(err)
	}
	if u.cookie != nil {
		req.AddCookie(u.cookie)
	}
	resp, err := client.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.Fatalf("%s: %s %s %v", u.address, resp.Status, body, err)
	}
	for _, c := range resp.Cookies() {
		u.cookie = c
	}
	return string(body)
}

// round lets every user come once. It returns how many of 100 are on v2 now, and how many users
// have changed side, by the side they left.
func (w *world) round(users []*user) (percent float64, left map[string]int) {
	w.Helper()
	on, left := 0, map[string]int{}
	for _, u := range users {
		side := w.visit(u)
		if u.side != "" && u.side != side {
			left[u.side]++
		}
		if u.side = side; side == "model-v2" {
			on++
		}
	}
	return 100 * float64(on) / float64(len(users)), left
}

// ramp moves the second backend to the share, and waits until Traefik shows it.
func (w *world) ramp(backends [2]string, share runbook.Weight) {
	w.Helper()
	to := record.Split{backends[0]: share.Rest(), backends[1]: share}
	w.shift(to)
	w.await(to.String(), func() bool {
		seen, err := w.router.Observe(w.Context(), http.DefaultClient, w.traefik.APIURL)
		return err == nil && seen.Equal(to)
	})
}

// newStickyWorld has a split that keeps users, all of them on the first backend.
func newStickyWorld(t *testing.T, kind string, backends [2]string) *world {
	t.Helper()
	consul, kv := open(t)
	routing := traefikRouting
	routing.Type, routing.Sticky = kind, true
	w := newBareWorld(t, consul, kv, routing)
	w.shift(record.Split{backends[0]: 100})
	w.traefik = servers.Traefik(t, consul.Addr, 50*time.Millisecond)
	w.ramp(backends, 0)
	return w
}

// crowdSize is how many users take part.
var crowdSize = sim.Size(10_000, 1000, 300)

// chance is the standard error of the share of a crowd, in points.
func chance(share runbook.Weight) float64 {
	return 100 * math.Sqrt(share.Share()*(1-share.Share())/float64(crowdSize))
}

// By hash each step's users are among those of the next, and the share is the weight.
func TestRealTraefikKeepsUsersByHash(t *testing.T) {
	backends := [2]string{"model-v1", "model-v2@consul"}
	w := newStickyWorld(t, runbook.HighestRandomWeight, backends)
	users := crowd(crowdSize)
	for _, share := range []runbook.Weight{0, 0.1, 1, 5, 25, 50, 100, 0} {
		w.ramp(backends, share)
		if found := w.router.Lint(w.snapshot()); len(found) != 0 {
			t.Fatalf("hazards: %v", found)
		}
		before := slices.ContainsFunc(users, func(u *user) bool { return u.side == "model-v2" })
		percent, left := w.round(users)
		t.Logf("%v %%: %.1f %% of the users are on v2; changed side: %v", share, percent, left)
		switch {
		case share == 0 && (percent != 0 || before && left["model-v2"] != crowdSize), share > 0 && left["model-v2"] != 0:
			t.Errorf("at %v %% the users left %v, and %.1f %% are on v2", share, left, percent)
		case math.Abs(percent-float64(share)) > 0.1+4*chance(share):
			t.Errorf("at %v %% Traefik's hash gives v2 %.1f %%", share, percent)
		}
		if _, again := w.round(users); len(again) != 0 {
			t.Errorf("at %v %% users change side without a change: %v", share, again)
		}
	}
}

// Names that differ at their end hash alike, and Lint says so.
func TestRealTraefikHashesNamesAlike(t *testing.T) {
	backends := [2]string{"model-v1", "model-v2"}
	w := newStickyWorld(t, runbook.HighestRandomWeight, backends)
	w.ramp(backends, 25)
	if found := w.router.Lint(w.snapshot()); len(found) != 1 || !found[0].Blocking {
		t.Errorf("Lint says %v", found)
	}
	if percent, _ := w.round(crowd(crowdSize)); percent != 0 {
		t.Errorf("at 25 %% Traefik gives v2 %.1f %%: the lint is needed no more", percent)
	}
}
