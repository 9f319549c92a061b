package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// moments are when Consul's leader is killed in a rollback.
var moments = []struct {
	name string
	deed deed
	wait bool // for it to be dead
}{
	{"before it arrives", otherFirst, true},
	{"while it is under way", otherFirst, false},
	{"before its answer", otherThen, true},
}

// Of three real Consul servers the leader is killed in the middle of a rollback. It is
// applied once, within five seconds of there being a leader again.
func TestLeaderKilledDuringARollback(t *testing.T) {
	t.Parallel()
	for n := range sim.Size(10, 2, 2) {
		moment := moments[n%len(moments)]
		t.Run(fmt.Sprintf("%d %s", n+1, moment.name), func(t *testing.T) {
			t.Parallel()
			cluster := servers.NewConsulCluster(t)
			s, b := startBetween(t, options{server: cluster.Follower()})
			before := s.revision()
			reached, dead := make(chan struct{}), make(chan struct{})
			b.arm(moment.deed, func() {
				close(reached)
				if moment.wait {
					<-dead
				}
			})
			s.breakCandidate()
			s.await("the rollback's transaction", 90*time.Second, func() error {
				select {
				case <-reached:
					return nil
				default:
					return errors.New("it has not come")
				}
			})
			s.loseLeader(cluster, func() { close(dead) })
			s.recovered(s.incident("a closed incident", 120*time.Second, settled))
			s.oneTransaction()
			s.together(b)
			if after := s.revision(); after != before+1 {
				t.Errorf("the weights' revision went from %d to %d, want one write", before, after)
			}
		})
	}
}

// loseLeader kills the leader, and wants the rollback to stand soon after there is another.
func (s *stack) loseLeader(cluster *servers.ConsulCluster, dead func()) {
	s.t.Helper()
	cluster.KillLeader()
	killed := time.Now()
	dead()
	cluster.Leader()
	led := time.Now()
	s.await("the rollback", 20*time.Second, s.rolledBack)
	took := time.Since(led)
	s.t.Logf("no leader for %s, and the rollback stood %s later", led.Sub(killed).Round(time.Millisecond), took.Round(time.Millisecond))
	if took > slack*5*time.Second {
		s.t.Errorf("the rollback stood %s after there was a leader again, want 5 s at most", took)
	}
}

// rolledBack reads the split from a Consul that may not answer.
func (s *stack) rolledBack() error {
	router, err := actuators.For(s.rb.Routing)
	if err != nil {
		return err
	}
	snap, err := s.kv.Read(s.t.Context(), router.Prefixes()...)
	if err != nil {
		return err
	}
	split, err := router.Decode(snap)
	if err == nil && !split.Equal(record.Split{"ranker-v1": 100}) {
		err = fmt.Errorf("the split is %v", split)
	}
	return err
}
