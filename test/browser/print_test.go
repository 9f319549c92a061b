package browser

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// unfold opens whatever the page folds.
const unfold = "document.querySelectorAll('details').forEach((d) => { d.open = true })"

// folded are what stands in the page's folds: how many there are, and how many of them are seen.
type folded struct{ All, Seen int }

const countFolded = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => {
	const all = [...document.querySelectorAll('details > *:not(summary)')];
	const seen = all.filter((e) => e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) && e.getBoundingClientRect().height > 0);
	return {All: all.length, Seen: seen.length};
})`

// On paper nobody can unfold anything: what an incident's page folds on a screen is printed, without a
// script. Unfolded on a screen it fits as well, and axe-core finds nothing.
func TestWhatIsFolded(t *testing.T) {
	b := Start(t)
	files := documents(t)
	at := shelf(t, files)
	for _, p := range files {
		if !strings.Contains(p.file, "report/testdata") || strings.Contains(p.file, "shadow") {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tab := b.Open(t, at+"/?name="+url.QueryEscape(p.name), phone)
			if f := Ask[folded](tab, countFolded); f.All < 8 || f.Seen > 0 {
				t.Errorf("%d of %d are seen on a screen", f.Seen, f.All)
			}
			for _, media := range []string{"print", ""} {
				call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
				if f := Ask[folded](tab, countFolded); media == "print" && f.Seen != f.All {
					t.Errorf("%d of %d are printed", f.Seen, f.All)
				}
			}
			Ask[struct{}](tab, unfold+";void 0")
			for _, screen := range []View{phone, desktop} {
				tab.Look(screen)
				for _, wrong := range append(tab.Violations(), tab.TooWide(screen.Width)...) {
					t.Errorf("%d: %s", screen.Width, wrong)
				}
				if *screenshots != "" {
					tab.Shot(fmt.Sprintf("%s/unfolded-%s-%d.webp", *screenshots, strings.TrimPrefix(p.name, "file "), screen.Width))
				}
			}
		})
	}
}
