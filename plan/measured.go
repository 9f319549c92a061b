package plan

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// Effect is a measured value of a trigger, as record.Breach has it, in the trigger's own field: 0.42 of
// a quantile that is 1.42 times stable's. False: there is no planning formula for the type, or it is no
// harm.
func Effect(t runbook.Trigger, value float64) (effect float64, ok bool) {
	k, known := kinds[t.Type]
	if !known || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, false
	}
	effect = k.measured(value)
	return min(effect, k.largest), effect > 0
}

// Proves is how long harm of that size, in the trigger's own field, has to last at a weight until it is
// proved, whenever it begins: rather too long than too short. False: it is never proved there.
func (p Plan) Proves(trigger string, effect float64, weight runbook.Weight) (time.Duration, bool) {
	t, ok := p.rb.Trigger(trigger)
	if k, known := kinds[t.Type]; !ok || !known || weight <= 0 || weight >= runbook.All || k.passes != nil && !k.passes(p, t, effect) {
		return 0, false
	}
	h := p.harm(t, effect)
	all, guarded := h.Proof(weight.Share(), analysis.Carried{})
	late := h.LateProof(weight.Share())
	if !h.Open(weight.Share()) || math.IsInf(max(all, guarded, late), 1) {
		return 0, false
	}
	return p.evaluated(max(all, guarded, late)).Std(), true
}
