package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// tellBreach starts the release, lets the story happen and watches it to its end.
func (d *show) tellBreach(ctx context.Context, s demo.Breach) error {
	if s.Well != nil {
		d.world.Stable.Behave(*s.Well)
		d.world.Candidate.Behave(*s.Well)
	}
	t := d.newNarrator()
	if err := t.pause(ctx, 8*time.Second, "three pods of v1 take the traffic; Prometheus learns how they behave"); err != nil {
		return err
	}
	if err := t.launch(ctx, func(*runbook.Launch) {}); err != nil {
		return err
	}
	if err := t.pause(ctx, d.runbook.Metrics.Warmup.Std()+7*time.Second, "warm-up, then v2 is compared with v1"); err != nil {
		return err
	}
	t.began = time.Now()
	acts := s.Acts
	err := t.until(ctx, "the end of the story", s.Watch+time.Minute, func() bool {
		for len(acts) > 0 && time.Since(t.began) >= acts[0].After {
			t.play(acts[0])
			acts = acts[1:]
		}
		t.ask(ctx)
		return t.inc.Phase == record.Done || t.ended() || time.Since(t.began) >= s.Watch
	})
	if err != nil {
		return err
	}
	return t.end(s)
}

// turnBad has a version behave so, and plants a request that fails.
func turnBad(v *demo.Version, b demo.Behaviour) {
	v.Behave(b)
	v.Plant()
}

func (t *narrator) play(a demo.Act) {
	if a.Candidate != nil {
		turnBad(t.world.Candidate, *a.Candidate)
	}
	if a.Stable != nil {
		t.world.Stable.Behave(*a.Stable)
	}
	t.printEvent(a.Says)
}

// ask prints, once, the link that the team would get.
func (t *narrator) ask(ctx context.Context) {
	if t.inc.Phase != record.Awaiting || t.inc.Approval == "" || t.inc.Approval == t.asked {
		return
	}
	t.asked = t.inc.Approval
	a, err := t.client.Approval(ctx, t.asked)
	if err != nil {
		t.say("read approval: %v", err)
		return
	}
	token := t.daemon.Keys.Sign(a)
	t.say("\n  A human is asked. Open the link and type the service's name (ranker):\n  %s\n  or, in another terminal, after make build:",
		report.Link(t.client.URL, token))
	t.say("  echo %s | bin/autorollback approve %s --service ranker --url %s --token-file=-\n", token, a.ID, t.client.URL)
}

// end says whether it ended as it must.
func (t *narrator) end(s demo.Breach) error {
	switch {
	case t.inc.ID == "" && s.Outcome == "":
		t.requests()
		t.say("no incident: the good release was left alone for %s", time.Since(t.began).Round(time.Second))
		return nil
	case t.inc.ID == "":
		return fmt.Errorf("demo: no incident in %s", s.Watch)
	case s.Outcome == "":
		return fmt.Errorf("demo: a good release caused incident %s: %s", t.inc.ID, strings.Join(t.inc.Decision.Reasons, " "))
	case t.inc.Verdict == nil && t.inc.Phase == record.Awaiting, t.inc.Decision.Guard == record.ApprovalExpired:
		t.requests()
		t.say("nobody approved; nothing was moved")
		return nil
	case t.inc.Verdict == nil:
		return fmt.Errorf("demo: incident %s is still %s", t.inc.ID, t.inc.Phase)
	}
	return t.verdict(s.Outcome)
}
