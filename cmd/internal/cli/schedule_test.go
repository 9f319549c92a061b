package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/gameday"
)

// Three Mondays at four: the second game fails and the third cannot be played. The
// schedule goes on, and the file says when it was last passed.
func TestScheduleGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gameday.prom")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var at []time.Time
		s := schedule{cron: "0 4 * * 1", timezone: "UTC", metrics: file, say: t.Logf}
		s.play = func(_ context.Context, s gameday.Scenario) (gameday.Score, error) {
			at = append(at, time.Now().UTC())
			switch len(at) {
			case 1:
				return gameday.Score{OK: true, Game: gameday.Game{Scenario: s}}, nil
			case 2:
				return gameday.Score{Game: gameday.Game{Scenario: s}}, nil
			}
			return gameday.Score{}, errors.New("no port is free")
		}
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx, []gameday.Scenario{{Name: "errors"}}) }()
		time.Sleep(22 * 24 * time.Hour)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for n, moment := range at {
			if moment.Weekday() != time.Monday || moment.Hour() != 4 {
				t.Errorf("game %d was at %s", n, moment)
			}
		}
		if len(at) != 3 {
			t.Fatalf("%d games in three weeks", len(at))
		}
		text, err := os.ReadFile(file)
		want := fmt.Sprintf("last_success_timestamp_seconds{scenario=\"errors\"} %g", float64(at[0].Unix()))
		if err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), `passed{scenario="errors"} 0`) {
			t.Errorf("no %s, or no 0, in\n%s%v", want, text, err)
		}
	})
}
