package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The keys that reach and press everything.
const (
	TabKey   = kb.Tab
	EnterKey = kb.Enter
	SpaceKey = " "
)

// A Tab is a page that somebody looks at. It belongs to the test's own goroutine.
type Tab struct {
	tb   testing.TB
	ctx  context.Context
	off  bool // the page's scripts do not run
	mu   sync.Mutex
	said []string // by the browser, of the page

	leaving bool          // it is on its way to another page
	moved   chan struct{} // that changed
}

func (b *Browser) tab(tb testing.TB) *Tab {
	tb.Helper()
	ctx, _ := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext()) // cookies of its own
	t := &Tab{tb: tb, ctx: ctx, moved: make(chan struct{}, 1)}
	tb.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	t.must("listen", chromedp.Listen(ctx, t.listen))
	return t
}

// listen notes what the browser says of a page: scripts that broke, what its policy forbids, and what it could
// not load.
func (t *Tab) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		t.said = append(t.said, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			t.said = append(t.said, fmt.Sprintf("%s: %s", e.Entry.URL, e.Entry.Text))
		}
	case *cdpage.EventFrameRequestedNavigation:
		t.moves(true)
	case *cdpage.EventFrameStoppedLoading, *cdpage.EventNavigatedWithinDocument:
		t.moves(false)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			t.said = append(t.said, fmt.Sprintf("console.%s with %d values", e.Type, len(e.Args)))
		}
	}
}

// Said is what the browser complained of since the last call.
func (t *Tab) Said() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.said)
	t.said = nil
	return all
}

// Go opens another page, and returns the answer's code.
func (t *Tab) Go(url string) int64 {
	t.tb.Helper()
	t.scripts(!t.off)
	answer, err := run(t, chromedp.NavigateResponse(url))
	t.must("open "+url, err)
	if answer == nil { // of about:blank
		return 0
	}
	return answer.Status
}

// Look changes the screen, and what the person prefers.
func (t *Tab) Look(v View) {
	t.tb.Helper()
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: v.Width, Height: v.Height, DeviceScaleFactor: 1, Mobile: v.Width < 600})
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// scripts lets scripts run in the page from now on, or not. Those that a page brought along are not
// made up for.
func (t *Tab) scripts(run bool) {
	t.tb.Helper()
	call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
}

func (t *Tab) authorize(header string) {
	t.tb.Helper()
	headers := network.Headers{}
	if header != "" {
		headers["Authorization"] = header
	}
	call(t, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: headers})
}

// Press presses keys one after the other, wherever the focus is.
func (t *Tab) Press(keys ...string) {
	t.tb.Helper()
	for _, key := range keys {
		_, err := run(t, chromedp.KeyEvent(key))
		t.must(fmt.Sprintf("press %q", key), err)
	}
}

// Follow presses keys of which the last leads to another page, waits for that, and returns the
// answer's code.
func (t *Tab) Follow(keys ...string) int64 {
	t.tb.Helper()
	t.scripts(!t.off)
	ctx, cancel := context.WithTimeout(t.ctx, within)
	defer cancel()
	var steps []chromedp.Action[chromedp.Void]
	for _, key := range keys {
		steps = append(steps, chromedp.KeyEvent(key))
	}
	answer, err := chromedp.RunResponse(ctx, steps...)
	t.must(fmt.Sprintf("press %q and wait for a page", keys), err)
	return answer.Status
}

// Settle waits until what a key may have led to is there: another page, or nothing.
func (t *Tab) Settle() {
	t.tb.Helper()
	// Two frames later a page has asked for whatever it wants to go to. It may be gone by then.
	_, _ = run(t, chromedp.Evaluate[chromedp.Void]("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))", chromedp.EvalAwaitPromise))
	limit := time.After(within)
	for t.isLeaving() {
		select {
		case <-t.moved:
		case <-limit:
			t.tb.Fatal("the page that a key led to does not come")
		}
	}
}

func (t *Tab) isLeaving() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leaving
}

// moves notes that the page is about to be another, or is.
func (t *Tab) moves(leaving bool) {
	t.leaving = leaving
	select {
	case t.moved <- struct{}{}:
	default:
	}
}

// Shot writes the page's first screen into a file.
func (t *Tab) Shot(file string) {
	t.tb.Helper()
	Ask[struct{}](t, "document.activeElement?.blur(), scrollTo(0, 0), void 0")
	quality := int64(70)
	picture, err := run(t, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		shot, err := cdp.Call(ctx, target, cdpage.CaptureScreenshot, cdpage.CaptureScreenshotParams{Format: cdpage.CaptureScreenshotFormatWebp, Quality: &quality})
		return shot.Data, err
	})
	t.must("take a picture", err)
	t.must("take a picture", os.MkdirAll(filepath.Dir(file), 0o755))
	t.must("take a picture", os.WriteFile(file, picture, 0o644))
}

// Ask returns what an expression is in the page.
func Ask[T any](t *Tab, expression string) T {
	t.tb.Helper()
	value, err := run(t, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	t.must("ask the page", err)
	return value
}

func run[T any](t *Tab, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, within)
	defer cancel()
	return chromedp.Run(ctx, action)
}

func call[P, R any](t *Tab, command cdp.Command[P, R], params P) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, within)
	defer cancel()
	_, err := chromedp.Call(ctx, command, params)
	t.must("tell the browser", err)
}

func (t *Tab) must(what string, err error) {
	t.tb.Helper()
	if err != nil {
		t.tb.Fatalf("%s: %v", what, err)
	}
}
