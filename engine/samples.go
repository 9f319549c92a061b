package engine

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/evidence/samples"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// lookBack is how long before harm began samples and logs are asked for, for what was good then.
const lookBack = time.Minute

// sampleJobs are the questions to the runbook's sources of samples and logs: at the decision, about the
// time until then, and once more after recovery, about the time since. They follow from the incident
// alone, so a process that died asks on.
func sampleJobs(s lifecycle.State) (jobs []samples.Job) {
	i := s.Incident
	if i == nil || i.Phase == record.Unconfirmed || i.Phase == record.Done {
		return nil
	}
	within := s.Runbook.Evidence.Within.Std()
	decided := i.OpenedAt
	if i.ActedAt.After(decided) {
		decided = i.ActedAt
	}
	jobs = stageJobs(s, audit.Before, wellAt(s.Runbook, *i).Add(-lookBack), decided, decided.Add(within))
	if i.Verdict != nil && lastStage(*i) == audit.After {
		jobs = append(jobs, stageJobs(s, audit.After, i.OpenedAt, i.Verdict.At, i.Verdict.At.Add(within))...)
	}
	return jobs
}

func stageJobs(s lifecycle.State, stage string, from, to, until time.Time) (jobs []samples.Job) {
	i, ev := s.Incident, s.Runbook.Evidence
	ask := samples.Ask{Service: i.Service, Region: i.Region, Stable: i.Stable, Candidate: i.Candidate, From: from, To: to}
	add := func(all []runbook.EvidenceSource) {
		for _, source := range all {
			ask.Source = source
			jobs = append(jobs, samples.Job{Incident: *i, Stage: audit.StageOf(stage, source.Name), Ask: ask, Until: until})
		}
	}
	if ev.Samples != nil {
		ask.Samples = ev.Samples
		add(ev.Samples.Sources)
	}
	if ev.Logs != nil {
		ask.Samples, ask.Logs = nil, ev.Logs
		add(ev.Logs.Sources)
	}
	return jobs
}

// askSamples has them asked for, and waits for nothing. What cannot be had is told once, while it is
// tried again.
func (e *Engine) askSamples(ctx context.Context, target Target, s lifecycle.State) error {
	jobs := sampleJobs(s)
	if len(jobs) == 0 {
		return nil
	}
	e.samples.Want(time.Now(), jobs...)
	if lacks := e.samples.Lacks(jobs...); len(lacks) > 0 && len(s.Incident.EvidenceLacks) == 0 {
		return e.take(ctx, target, lifecycle.Lacking{Lacks: lacks})
	}
	return nil
}

// awaitsSamples reports whether a source is still to be asked, and what could not be had by now. The
// folder is sealed once, so it waits until the sources' time is over.
func (e *Engine) awaitsSamples(s lifecycle.State) (open bool, lacks []string) {
	jobs := sampleJobs(s)
	return len(jobs) > 0 && e.samples.Open(jobs...), e.samples.Lacks(jobs...)
}

// keepSamples keeps what a source gave as a stage of its own.
func (e *Engine) keepSamples(_ context.Context, j samples.Job, files map[string][]byte) error {
	digest, err := e.archive.Capture(j.Incident, j.Stage, files)
	if err != nil {
		return fmt.Errorf("capture %s of %s: %w", j.Stage, j.Incident.ID, err)
	}
	e.write(j.Incident.ID, record.Record{At: time.Now().UTC(), Kind: "captured", Text: j.Stage + " " + digest})
	return nil
}

// samplesMoved is called where a source gave something, or failed.
func (e *Engine) samplesMoved(j samples.Job) {
	if lacks := e.samples.Lacks(j); len(lacks) > 0 {
		e.metrics.problems.WithLabelValues("evidence").Inc()
		e.log.Warn("ask for samples", zap.String("incident", j.Incident.ID), zap.String("problem", lacks[0]))
	}
	e.notify(Target{j.Incident.Service, j.Incident.Region})
}
