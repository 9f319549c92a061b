package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestSecretStaysInside prints a secret, and what holds one, in every way there is.
func TestSecretStaysInside(t *testing.T) {
	const canary = "CANARY-4711"
	s := New(canary)
	holder := struct {
		S Value
		P *Value
	}{s, &s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", s, holder, []Value{s})
	}
	text, err := json.Marshal(map[Value]any{s: holder})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "s", s, "holder", holder)
	core, logged := observer.New(zap.InfoLevel)
	zap.New(core).Info("x", zap.Any("s", s), zap.Stringer("t", s), zap.Any("h", holder))
	for _, e := range logged.All() {
		fmt.Fprint(&out, e.ContextMap())
	}
	if got := out.String(); strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
		t.Errorf("the secret is out:\n%s", got)
	}
	if s.Reveal() != canary {
		t.Error("the secret is lost")
	}
}
