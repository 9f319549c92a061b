package browser

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/autorollback/autorollback/test/servers"
)

// within is how long one step in the browser may take, on a machine that does much else.
const within = time.Minute

// A Browser is one process of the real Chromium, with a profile of its own.
type Browser struct{ ctx context.Context }

// Start starts it for the length of a test.
func Start(tb testing.TB) *Browser {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(servers.Chromium(tb)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(within),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	tb.Cleanup(release)
	ctx, _ := chromedp.NewContext(allocator)
	tb.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("end the browser: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("start the browser: %v", err)
	}
	return &Browser{ctx}
}

// A View is how somebody looks at a page.
type View struct {
	Width, Height int64
	Dark          bool
	NoScript      bool   // the page's scripts do not run
	Authorization string // of each request; empty: nobody signs in
}

// Open opens a page in a tab of its own, which is closed with the test. What it waits for is the
// page with all that it loads.
func (b *Browser) Open(tb testing.TB, url string, v View) *Tab {
	tb.Helper()
	t := b.tab(tb)
	t.off = v.NoScript
	t.authorize(v.Authorization)
	t.Look(v)
	t.Go(url)
	return t
}
