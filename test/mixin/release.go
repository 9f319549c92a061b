package mixin

// release is one release in one region: the numbers of its triggers, and what could keep it from
// being rolled back. Replicas export the same numbers, so the greatest of them is shown.
func release() Dashboard {
	choices := []Variable{choice("service", "Service", "autorollback_rule_drift", false), choice("region", "Region", "autorollback_weight", true)}
	return dashboard("release", "autorollback: a release", "One open release: the split, each trigger's number and significance, and whether a rollback is possible.", choices, []row{
		{lines, "Split", "The wanted share of each version.", "percent", 8, nil,
			one(`max by (region, version) (autorollback_weight{service=~"$service",region=~"$region"})`, "{{version}} {{region}}")},
		{lines, "Significance", "At 1 the difference is proved: neither chance nor one pod's doing. Absent: not known.", "none", 16, bad(1),
			one(`max by (region, trigger) (autorollback_trigger_significance{service=~"$service",region=~"$region"})`, "{{trigger}} {{region}}")},
		{lines, "Level", "What each trigger compares, on each side, over its window.", "none", 12, nil,
			one(`max by (region, trigger, role) (autorollback_trigger_level{service=~"$service",region=~"$region"})`, "{{trigger}} {{role}} {{region}}")},
		{lines, "Effect", "Each trigger's number over its window, as the runbook states it.", "none", 12, nil,
			one(`max by (region, trigger) (autorollback_trigger_effect{service=~"$service",region=~"$region"})`, "{{trigger}} {{region}}")},
		{lines, "Smallest effect that could be proved", "With the traffic so far. Absent: none could.", "none", 12, nil,
			one(`max by (region, trigger) (autorollback_trigger_smallest_provable_effect{service=~"$service",region=~"$region"})`, "{{trigger}} {{region}}")},
		{lines, "Dispersion of the stable pods", "How much more than by chance they differ; 1: by chance alone.", "none", 12, nil,
			one(`max by (region, trigger) (autorollback_trigger_dispersion{service=~"$service",region=~"$region"})`, "{{trigger}} {{region}}")},
		{numbers, "Last known good", "Only while it is warm a rollback is possible.", "none", 6, nil,
			one(`max by (region, version, state) (autorollback_standby{service=~"$service",region=~"$region"})`, "{{version}} {{state}} {{region}}")},
		{numbers, "Age of the newest interval", "Older than five minutes: the release is not judged.", "s", 6, bad(300),
			one(`time() - max by (region) (autorollback_release_evaluated_timestamp_seconds{service=~"$service",region=~"$region"})`, "{{region}}")},
		{numbers, "Router instances that serve the split", "", "none", 6, good(1),
			one(`min by (region, instance) (autorollback_router_instance_applied{service=~"$service",region=~"$region"})`, "{{instance}} {{region}}")},
		{numbers, "Rules differ from the runbook", "", "none", 6, bad(1),
			one(`max by (service) (autorollback_rule_drift{service=~"$service"})`, "{{service}}")},
		{table, "Triggers that are not armed", "off: it cannot fire; degraded: late, or its numbers are doubtful.", "none", 12, nil,
			one(`max by (trigger, state) (autorollback_trigger_unarmed{service=~"$service"})`, "")},
		{lines, "Alerts by outcome", "Each alert once, by the source that brought it.", "none", 12, nil,
			one(`sum by (source, trigger, outcome) (increase(autorollback_alerts_total{service=~"$service"}[$__rate_interval]))`, "{{source}} {{trigger}} {{outcome}}")},
	})
}
