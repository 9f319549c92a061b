package engine

import (
	"context"
	"slices"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// flagDocs are the documents of a release's versions. Each bundle keeps its own flags while it
// may serve; off are the candidate's once it is quarantined.
type flagDocs struct{ stable, candidate, off actuators.FlagDoc }

// serving are the documents while both may get traffic.
func (d flagDocs) serving() []actuators.FlagDoc { return []actuators.FlagDoc{d.stable, d.candidate} }

// rolledBack are the documents that a rollback writes.
func (d flagDocs) rolledBack() []actuators.FlagDoc { return []actuators.FlagDoc{d.stable, d.off} }

// flags are the documents of a release. Stable always counts as serving: it must be able to at
// once.
func (e *Engine) flags(ctx context.Context, r record.Release) (flagDocs, error) {
	stable, err := e.Bundle(ctx, r.Stable.Bundle)
	if err != nil {
		return flagDocs{}, err
	}
	candidate, err := e.Bundle(ctx, r.Candidate.Bundle)
	if err != nil {
		return flagDocs{}, err
	}
	d := flagDocs{stable: flagDoc(r.Stable, stable, true), candidate: flagDoc(r.Candidate, candidate, true)}
	d.off = offDoc(record.Quarantine{Version: r.Candidate.Version, Bundle: r.Candidate.Bundle, Flags: candidate.Off(stable)})
	return d, nil
}

func flagDoc(s record.Side, b runbook.Bundle, serving bool) actuators.FlagDoc {
	return actuators.FlagDoc{Version: s.Version, Bundle: s.Bundle, Flags: b.Flags, Serving: serving}
}

// offDoc is the document of a quarantined bundle.
func offDoc(q record.Quarantine) actuators.FlagDoc {
	return actuators.FlagDoc{Version: q.Version, Bundle: q.Bundle, Flags: q.Flags, Quarantined: true}
}

// observeFlags looks whether the documents of quarantined bundles are off. One that nobody has
// written gives nobody anything; of one that a newer program wrote nothing is known.
func (v *snapshot) observeFlags() {
	for _, q := range v.DocumentsOff() {
		keys, ops, err := v.service.router.PlanFlags(v.snap, []actuators.FlagDoc{offDoc(q)})
		if err != nil || len(keys) == 0 || keys[0].Index == 0 {
			continue
		}
		v.FlagsOn = append(v.FlagsOn, lifecycle.FlagsOn{Quarantine: q, Key: keys[0]})
		v.offOps = append(v.offOps, ops...)
	}
}

// flagsLater takes the candidate's document out of a rollback's transaction, which then only
// relies on it, and has it written once nothing reaches the candidate any more.
func (v *snapshot) flagsLater(version string) {
	key := v.service.router.FlagsKey(version)
	n := slices.IndexFunc(v.ops, func(op store.Op) bool { return op.Key == key && op.Verb == store.Set })
	if n < 0 {
		return // it is off, or there are no flags
	}
	v.ops[n] = store.Op{Verb: store.Check, Key: key, Index: v.ops[n].Index}
	w := record.DeferredWrite{After: record.AfterApplied}
	for _, k := range v.Plan.Keys {
		if k.Key == key {
			w.Keys = append(w.Keys, k)
		}
	}
	v.Later = append(v.Later, w)
}
