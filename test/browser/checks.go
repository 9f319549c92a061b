package browser

import (
	_ "embed" // what the tests ask a page
	"fmt"

	"github.com/autorollback/autorollback/test/servers"
)

//go:embed checks.js
var checks string

// Violations are what axe-core finds in the page as it is now, each with the element.
func (t *Tab) Violations() []string {
	t.tb.Helper()
	return t.axe("")
}

// BadColours are those of the violations that are about colours.
func (t *Tab) BadColours() []string {
	t.tb.Helper()
	return t.axe("true")
}

func (t *Tab) axe(colours string) []string {
	t.tb.Helper()
	t.learn()
	if !Ask[bool](t, "!!window.axe") {
		Ask[struct{}](t, servers.AxeCore(t.tb)+"\n;void 0")
	}
	return Ask[[]string](t, "checks.axe("+colours+")")
}

// TooWide is what does not fit on a screen of that width: the page, or what scrolls sideways in it.
func (t *Tab) TooWide(width int64) []string {
	t.tb.Helper()
	t.learn()
	return Ask[[]string](t, fmt.Sprintf("checks.wide(%d)", width))
}

// TooSmall is what nobody can read.
func (t *Tab) TooSmall() []string {
	t.tb.Helper()
	t.learn()
	return Ask[[]string](t, "checks.small()")
}

// Hidden is which of the elements of a selector are not wholly on the screen, and that they are not so many.
func (t *Tab) Hidden(selector string, many int) []string {
	t.tb.Helper()
	t.learn()
	return Ask[[]string](t, fmt.Sprintf("checks.onScreen(%q, %d)", selector, many))
}

// A Focus is where the keyboard is.
type Focus struct {
	At    int      // among the controls; -1: nowhere
	Name  string   // of the element
	Wrong []string // why one does not see it
}

// Focus is where the keyboard is now.
func (t *Tab) Focus() Focus {
	t.tb.Helper()
	t.learn()
	return Ask[Focus](t, "checks.focused()")
}

// Unreachable walks once around the page with the Tab key, and returns what it does not reach in the order
// in which it stands, and what does not show that it has the focus.
func (t *Tab) Unreachable() []string {
	t.tb.Helper()
	controls := t.Controls()
	var wrong []string
	at, last := Focus{}, -1
	for reached, presses := 0, 0; reached < len(controls); presses++ {
		if presses > 2*len(controls)+2 {
			return append(wrong, fmt.Sprintf("Tab reaches %d of %d controls", reached, len(controls)))
		}
		t.Press(TabKey)
		if at = t.Focus(); at.At < 0 { // the browser's own, between the last and the first
			continue
		}
		wrong = append(wrong, at.Wrong...)
		if last >= 0 && at.At != (last+1)%len(controls) {
			return append(wrong, fmt.Sprintf("Tab leads from %s to %s", controls[last], at.Name))
		}
		last, reached = at.At, reached+1
	}
	return wrong
}

// Controls are what the keyboard can reach, in the order in which it stands.
func (t *Tab) Controls() []string {
	t.tb.Helper()
	t.learn()
	return Ask[[]string](t, "checks.controls()")
}

// Reach presses Tab until an element of the selector has the focus.
func (t *Tab) Reach(selector string) {
	t.tb.Helper()
	at := fmt.Sprintf("document.activeElement.matches(%q)", selector)
	for range 2*len(t.Controls()) + 2 {
		if Ask[bool](t, at) {
			return
		}
		t.Press(TabKey)
	}
	t.tb.Fatalf("Tab does not reach %s", selector)
}

// Links are where the page leads.
func (t *Tab) Links() []string {
	t.tb.Helper()
	t.learn()
	return Ask[[]string](t, "checks.links()")
}

// learn teaches the page the checks, once. They need scripts: from here on those run in a page that
// was loaded without.
func (t *Tab) learn() {
	t.tb.Helper()
	t.scripts(true)
	if !Ask[bool](t, "!!window.checks") {
		Ask[struct{}](t, checks)
	}
}
