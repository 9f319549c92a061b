package mixin

// fleet is every service: what is open, what is near a breach, what was done. What a replica counts
// is its own part, so counters are added up.
func fleet() Dashboard {
	choices := []Variable{choice("service", "Service", "autorollback_rule_drift", true)}
	return dashboard("fleet", "autorollback: the fleet", "Every service: open releases, what is near a breach, and what was decided.", choices, []row{
		{numbers, "Open releases", "", "none", 4, nil,
			one(`count(count by (service, region) (autorollback_weight{service=~"$service"}))`, "")},
		{numbers, "Services whose rules differ", "No ramp of theirs continues.", "none", 4, bad(1),
			one(`sum(max by (service) (autorollback_rule_drift{service=~"$service"}))`, "")},
		{numbers, "Triggers that are not armed", "", "none", 4, bad(1),
			one(`count(max by (service, trigger) (autorollback_trigger_unarmed{service=~"$service"})) or vector(0)`, "")},
		{numbers, "Releases without a warm last known good", "No rollback is possible.", "none", 4, bad(1),
			one(`count(max by (service, region) (autorollback_standby{service=~"$service",state!="warm"})) or vector(0)`, "")},
		{numbers, "Services whose store went back in time", "Nothing is done automatically.", "none", 4, bad(1),
			one(`sum(max by (service, region) (autorollback_store_behind{service=~"$service"}))`, "")},
		{numbers, "Rollbacks in 24 h", "", "none", 4, nil,
			one(`sum by (by) (increase(autorollback_rollbacks_total[24h]))`, "{{by}}")},
		{table, "Versions of open releases", "The wanted share in percent.", "percent", 12, nil,
			one(`max by (service, region, version) (autorollback_weight{service=~"$service"})`, "")},
		{lines, "Greatest significance of each service", "At 1 a difference is proved.", "none", 12, bad(1),
			one(`max by (service, region) (autorollback_trigger_significance{service=~"$service"})`, "{{service}} {{region}}")},
		{lines, "Decisions", "", "none", 8, nil,
			one(`sum by (action) (increase(autorollback_decisions_total[$__rate_interval]))`, "{{action}}")},
		{lines, "Steps of ramps", "", "none", 8, nil,
			one(`sum by (by) (increase(autorollback_promotions_total[$__rate_interval]))`, "{{by}}")},
		{lines, "Verdicts of recovery", "", "none", 8, nil,
			one(`sum by (outcome) (increase(autorollback_verdicts_total[$__rate_interval]))`, "{{outcome}}")},
		{lines, "From alert to rollback", "From the first alert received of a breach to its committed rollback: the number of rollbacks within each time.", "none", 8, nil,
			one(`sum by (le) (increase(autorollback_act_seconds_bucket[$__range]))`, "{{le}} s")},
		{lines, "Alerts by outcome", "", "none", 8, nil,
			one(`sum by (service, outcome) (increase(autorollback_alerts_total{service=~"$service"}[$__rate_interval]))`, "{{service}} {{outcome}}")},
		{lines, "Shadow verdicts", "", "none", 8, nil,
			one(`sum by (verdict) (increase(autorollback_shadow_verdicts_total[$__rate_interval]))`, "{{verdict}}")},
	})
}
