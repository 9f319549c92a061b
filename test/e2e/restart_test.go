package e2e

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
)

// Prometheus is restarted twice on its own data: after the candidate had a bad moment that
// proves nothing yet, and while the recovery is being proved. What that moment said is not
// lost, there is one incident and one rollback, and nothing is called recovered for want of
// an answer.
func TestPrometheusRestarts(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name string
		end  func(*stack)
	}{
		{"killed", func(s *stack) { s.prom.Kill() }},
		{"asked to end", func(s *stack) { s.prom.Stop() }},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{runbook: func(text string) string { return longVerified(t)(onlyErrorsAreSevere(t)(text)) }})
			before := s.badMoment(s.daemons[0])
			s.await("no incident yet", time.Second, func() error { return s.incidents(0) })
			how.end(s)
			down := time.Now()
			s.prom.Start()
			t.Logf("significance %.2f before the restart, which took %s", before.value, time.Since(down).Round(10*time.Millisecond))
			again := s.known(s.daemons[0], time.Now())
			t.Logf("significance %.2f, %s after the restart", again.value, time.Since(down).Round(10*time.Millisecond))
			// The three good requests of each second are worth 0.03, and the last scrape may have been late by one.
			if lost := before.value - again.value; lost > 0.02+0.04*(1+again.at.Sub(before.at).Seconds()) {
				t.Errorf("significance is %.2f after the restart and was %.2f before: it began anew", again.value, before.value)
			}

			b := demo.Well
			b.Errors = 0.5
			s.service.Candidate.Behave(b)
			acted := s.incident("the rollback", 60*time.Second, func(i record.Incident) bool { return !i.ActedAt.IsZero() })
			t.Logf("acted %s after the restart, with significance %.2f", acted.ActedAt.Sub(down).Round(10*time.Millisecond), acted.Breach.Significance.Value)
			how.end(s)
			silent := time.Now()
			s.await("polls without an answer", 30*time.Second, func() error {
				if inc := s.incident("it", time.Second, anyOf); inc.Verdict != nil {
					return fmt.Errorf("a verdict without Prometheus: %+v", inc.Verdict)
				} else if inc.Health != record.Unknown {
					return fmt.Errorf("the last poll is %q", inc.Health)
				}
				return nil
			})
			s.prom.Start()
			inc := s.incident("a closed incident", 120*time.Second, settled)
			s.recovered(inc)
			s.oneTransaction()
			if inc.ID != acted.ID || inc.Verdict == nil || inc.Verdict.At.Before(silent) {
				t.Errorf("incident %s, verdict %+v; want that of %s after the silence", inc.ID, inc.Verdict, acted.ID)
			}
			if err := s.incidents(1); err != nil {
				t.Error(err)
			}
		})
	}
}

// A daemon ends during a release whose candidate had a bad moment, and is started again:
// it knows the significance again within seconds, and it is what the replica that went on
// says of the same interval. The rebuild itself moves nothing; a breach that begins after
// it is rolled back, by the one that was started again: the other is ended before.
func TestDaemonRestarts(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "asked to end": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{daemons: 2, runbook: onlyErrorsAreSevere(t)})
			again, other := s.daemons[1], s.daemons[0]
			before := s.badMoment(again)
			again.stop(sig)
			again.start()
			began := time.Now()
			rebuilt := s.known(again, began)
			t.Logf("significance %.3f before, %.3f known again after %s", before.value, rebuilt.value, time.Since(began).Round(10*time.Millisecond))
			s.await("both replicas to say the same of one interval", 20*time.Second, func() error {
				a, errA := s.significance(again)
				o, errO := s.significance(other)
				if err := errors.Join(errA, errO); err != nil {
					return err
				}
				if !a.at.Equal(o.at) || math.Abs(a.value-o.value) > 0.02 {
					return fmt.Errorf("rebuilt %+v, the other %+v", a, o)
				}
				return nil
			})
			if err := s.incidents(0); err != nil {
				t.Fatalf("the rebuild itself: %v", err)
			}

			s.daemons = []*daemon{again}
			other.stop(syscall.SIGTERM)
			s.breakCandidate()
			s.recovered(s.incident("a closed incident", 120*time.Second, settled))
			s.oneTransaction()
		})
	}
}

func anyOf(record.Incident) bool { return true }

// A significance is what a daemon says of the error rate of the release, and the end of
// the interval it says it of.
type significance struct {
	value float64
	at    time.Time
}

var (
	significanceLine = regexp.MustCompile(`(?m)^autorollback_trigger_significance\{.*trigger="error-rate".*\} (\S+)$`)
	evaluatedLine    = regexp.MustCompile(`(?m)^autorollback_release_evaluated_timestamp_seconds\{.*\} (\S+)$`)
)

// significance asks the daemon itself, which can be done while Prometheus is away.
func (s *stack) significance(d *daemon) (got significance, err error) {
	text, err := s.fetch(&http.Client{Transport: signedIn{}, Timeout: 5 * time.Second}, "http://"+d.web+"/metrics")
	if err != nil {
		return got, err
	}
	value, at := significanceLine.FindStringSubmatch(text), evaluatedLine.FindStringSubmatch(text)
	if value == nil || at == nil {
		return got, errors.New("no significance is exported")
	}
	seconds, err := strconv.ParseFloat(at[1], 64)
	if err != nil {
		return got, err
	}
	got.at = time.UnixMilli(int64(seconds * 1000))
	got.value, err = strconv.ParseFloat(value[1], 64)
	return got, err
}

// badMoment has the candidate fail now and then until a daemon's significance is half of
// what would be acted on, or somewhat less or more.
func (s *stack) badMoment(d *daemon) (got significance) {
	s.t.Helper()
	b := demo.Well
	b.Errors = 0.06
	s.service.Candidate.Behave(b)
	s.await("some significance", 60*time.Second, func() (err error) {
		if got, err = s.significance(d); err == nil && got.value < 0.3 {
			err = fmt.Errorf("it is %v", got.value)
		}
		return err
	})
	s.service.Candidate.Behave(demo.Well)
	return got
}

// known is the first significance of an interval that ended after a moment.
func (s *stack) known(d *daemon, after time.Time) (got significance) {
	s.t.Helper()
	s.await("the significance to be known again", 15*time.Second, func() (err error) {
		if got, err = s.significance(d); err == nil && !got.at.After(after) {
			err = fmt.Errorf("it is of %s, before %s", got.at, after)
		}
		return err
	})
	return got
}

func (s *stack) incidents(want int) error {
	all, err := s.client().Incidents(s.t.Context())
	if err == nil && len(all) != want {
		err = fmt.Errorf("%d incidents, want %d", len(all), want)
	}
	return err
}
