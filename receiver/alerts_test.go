package receiver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/autorollback/autorollback/receiver"
)

// What is answered 200 and not passed on is counted one by one, and there is one line
// for each body.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	const (
		foreign = `{"status":"firing","labels":{"alertname":"DiskFull"}}`
		shouted = `{"status":"firing","labels":{"alertname":"Errors","autorollback":"true","service":"RANKER","trigger":"errors"}}`
		neither = `{"status":"perhaps","labels":{"autorollback":"true","service":"ranker","trigger":"errors"}}`
		ours    = `{"status":"firing","labels":{"autorollback":"true","service":"ranker","trigger":"errors"}}`
	)
	for _, c := range []struct {
		name               string
		alerts             []string
		ignored, malformed int
		level              zapcore.Level
		says               string
	}{
		{"ours", []string{ours}, 0, 0, zap.InfoLevel, ""},
		{"not ours", []string{foreign, ours, foreign}, 2, 0, zap.InfoLevel, "DiskFull"},
		{"a name that cannot be one", []string{foreign, shouted, foreign}, 2, 1, zap.WarnLevel, "RANKER"},
		{"a status that cannot be one", []string{neither}, 0, 1, zap.WarnLevel, "perhaps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			core, logs := observer.New(zap.DebugLevel)
			reg := prometheus.NewPedanticRegistry()
			r, err := receiver.New(intake(accept), receiver.Config{TokenFile: write(t, "token", token+"\n")}, zap.New(core), reg)
			if err != nil {
				t.Fatal(err)
			}
			d := endpoint{r, reg}
			if w := d.serve(call(`{"version":"4","alerts":[` + strings.Join(c.alerts, ",") + `]}`)); w.Code != 200 {
				t.Fatalf("answers %d: %s", w.Code, w.Body)
			}
			for outcome, want := range map[string]int{"ignored": c.ignored, "malformed": c.malformed, "firing": len(c.alerts) - c.ignored - c.malformed} {
				if n := d.counter(t, "autorollback_webhook_alerts_total", "outcome", outcome); n != float64(want) {
					t.Errorf("%s: counted %v, want %d", outcome, n, want)
				}
			}
			lines := logs.All()
			if c.says == "" {
				if len(lines) > 0 {
					t.Errorf("logged %v", lines)
				}
				return
			}
			if len(lines) != 1 || lines[0].Level != c.level || !strings.Contains(fmt.Sprint(lines[0].ContextMap()), c.says) {
				t.Errorf("logged %v, want one line of level %s about %q", lines, c.level, c.says)
			}
		})
	}
}
