package browser

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// phone and desktop are the screens.
var phone, desktop = View{Width: 360, Height: 640}, View{Width: 1280, Height: 800}

func basic(name string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":secret"))
}

// TestAxe opens every page in all ways in which somebody may see it.
func TestAxe(t *testing.T) {
	b := Start(t)
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			wrong := findings{}
			for _, noScript := range []bool{false, true} {
				wrong.inspect(b.at(t, p, noScript), p, noScript)
			}
			wrong.tell(t)
		})
	}
	files := documents(t)
	at := shelf(t, files)
	for _, p := range files {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			wrong := findings{}
			wrong.inspect(b.Open(t, at+"/?name="+url.QueryEscape(p.name), phone), p, false)
			wrong.tell(t)
		})
	}
}

// at opens a page of the table, of a world of its own.
func (b *Browser) at(t *testing.T, p page, noScript bool) *Tab {
	t.Helper()
	s, path := newSite(t, !p.open), p.path
	if p.calm {
		s.calm()
	}
	if id, ok := strings.CutPrefix(path, "approve:"); ok {
		path = s.link(id)
	}
	view := phone
	view.NoScript, view.Authorization = noScript, p.who
	tab := b.Open(t, "about:blank", view)
	code := tab.Go(s.url + path)
	if p.then != nil {
		code = p.then(tab)
	}
	if code != max(p.code, 200) {
		t.Fatalf("%s answers %d, want %d", p.name, code, max(p.code, 200))
	}
	return tab
}

// findings are what is wrong with a page, and in which ways of looking at it.
type findings map[string][]string

// inspect looks at a page in both sizes and both schemes, which differ in nothing but colours.
func (f findings) inspect(tab *Tab, p page, noScript bool) {
	tab.tb.Helper()
	for _, screen := range []View{phone, desktop} {
		for _, dark := range []bool{false, true} {
			screen.Dark = dark
			tab.Look(screen)
			way := fmt.Sprintf("%d-dark-%t-scripts-%t", screen.Width, dark, !noScript)
			if *screenshots != "" {
				tab.Shot(filepath.Join(*screenshots, strings.ReplaceAll(p.name, " ", "-"), way+".webp"))
			}
			if dark {
				f.add(way, tab.BadColours())
				continue
			}
			f.add(way, tab.Violations())
			f.add(way, tab.TooWide(screen.Width))
			f.add(way, tab.TooSmall())
			if p.answers != "" && screen.Width == phone.Width {
				f.add(way, tab.Hidden(p.answers, 2))
			}
			f.add(way, tab.Unreachable())
		}
	}
	f.add("the browser", complaints(tab, p))
}

func (f findings) add(way string, wrong []string) {
	for _, w := range wrong {
		f[w] = append(f[w], way)
	}
}

// complaints are what the browser says of a page, but that its answer's code is no 200, which is meant.
func complaints(tab *Tab, p page) []string {
	return slices.DeleteFunc(tab.Said(), func(said string) bool {
		return p.code != 0 && strings.Contains(said, fmt.Sprintf("status of %d", p.code))
	})
}

func (f findings) tell(t *testing.T) {
	t.Helper()
	for _, wrong := range slices.Sorted(maps.Keys(f)) {
		t.Errorf("%s (%s)", wrong, strings.Join(f[wrong], ", "))
	}
}
