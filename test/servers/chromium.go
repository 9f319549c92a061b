package servers

import (
	"os"
	"testing"
)

// Chromium returns the path of the system's Chromium.
func Chromium(tb testing.TB) string {
	tb.Helper()
	return installed(tb, "chromium")
}

// AxeCore returns the script that looks for what keeps people out of a page.
func AxeCore(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile(program(tb, "axe-core", "axe.min.js"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
