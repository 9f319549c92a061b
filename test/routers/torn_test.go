package routers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/servers"
)

// flips are the writes that each router reads, one by one.
const flips = 200

// there and back share no weight: half of one and half of the other is neither.
var there, back = record.Split{stable: 80, candidate: 20}, record.Split{stable: 30, candidate: 70}

// Of 200 writes that a router follows one by one, it never shows half of one.
func TestNoRouterShowsHalfAWrite(t *testing.T) {
	servers.NotShort(t)
	for _, k := range []kind{
		kinds[0],
		{name: "fabio", open: fabio},
		{name: "Traefik", open: func(w *world) *place { return traefik(w, 0) }},
	} {
		t.Run(k.name, func(t *testing.T) {
			p := k.open(newWorld(t))
			p.shift(there)
			p.serves(there)
			ctx, cancel := context.WithCancel(t.Context())
			var looks sync.WaitGroup
			shown := map[string]int{}
			looks.Go(func() {
				for tick := time.NewTicker(time.Millisecond); ctx.Err() == nil; <-tick.C {
					if split, err := p.observe(ctx); err == nil {
						shown[fmt.Sprint(split)]++
					}
				}
			})
			for range flips / 2 {
				p.shift(back)
				p.serves(back)
				p.shift(there)
				p.serves(there)
			}
			cancel()
			looks.Wait()
			for split, n := range shown {
				if split != fmt.Sprint(there) && split != fmt.Sprint(back) {
					t.Errorf("it showed %s %d times, which nobody wrote", split, n)
				}
			}
			t.Logf("%d writes, seen: %v", flips, shown)
		})
	}
}

// renderedMap is a ranker.map: the split as ranges of users and as a document.
var renderedMap = regexp.MustCompile(`(?m)^0:(\d+) ranker-v2\n\d+:9999 ranker-v1\n10000 \{"revision":(\d+),"weights":\{"ranker-v1":\d+,"ranker-v2":(\d+)\}\}$`)

// consul-template renders 200 writes, and no file that it renders has half of one.
func TestNoRenderHasHalfAWrite(t *testing.T) {
	servers.NotShort(t)
	w := newWorld(t)
	e := w.copied("haproxy-socket", "ranker.map", map[string]string{
		"/usr/local/bin/load-map /etc/haproxy/ranker.map /run/haproxy/admin.sock": "cat DIR/ranker.map >>DIR/renders",
		"/etc/haproxy/ranker.map": "DIR/ranker.map",
	})
	var renders [][]string
	for i := range flips {
		e.place.shift([]record.Split{there, back}[i%2])
		w.await("the render", func() error {
			text, err := os.ReadFile(filepath.Join(e.Dir, "renders"))
			renders = renderedMap.FindAllStringSubmatch(string(text), -1)
			if err == nil && !strings.Contains(string(text), fmt.Sprintf(`"revision":%d,`, i+1)) {
				err = fmt.Errorf("the last of %d has not revision %d", len(renders), i+1)
			}
			return err
		})
	}
	if len(renders) != flips {
		t.Errorf("%d files have a split of two, want %d", len(renders), flips)
	}
	for i, r := range renders {
		want := []string{"1999", "6999"}[i%2] + " " + fmt.Sprint(i+1) + " " + []string{"20", "70"}[i%2]
		if got := strings.Join(r[1:], " "); got != want {
			t.Errorf("render %d has %s, want %s", i, got, want)
		}
	}
}
