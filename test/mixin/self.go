package mixin

// self is autorollback: can it see, can it act, can it say so.
func self() Dashboard {
	choices := []Variable{choice("instance", "Replica", "autorollback_up", true)}
	return dashboard("self", "autorollback: itself", "The daemon's replicas: what they reach, what reaches them, and what went wrong.", choices, []row{
		{numbers, "Replicas that Prometheus scrapes", "", "none", 6, good(1),
			one(`up{job="autorollback",instance=~"$instance"}`, "{{instance}}")},
		{numbers, "Peers that answer", "Without Prometheus nothing is confirmed; without the store nothing is committed.", "none", 6, good(1),
			one(`autorollback_up{instance=~"$instance"}`, "{{peer}} {{instance}}")},
		{numbers, "Age of the watchdog", "From Alertmanager by webhook, from Prometheus by the watcher. Years: it never came.", "s", 6, bad(600),
			one(`time() - autorollback_watchdog_timestamp_seconds{instance=~"$instance"}`, "{{source}} {{instance}}")},
		{numbers, "Heads that the journal lost", "It was cut or written anew.", "none", 6, bad(1),
			one(`autorollback_journal_lost_heads{instance=~"$instance"}`, "{{instance}}")},
		{lines, "Calls of the receiver by status code", "401: the token; 503: the store.", "reqps", 8, nil,
			one(`sum by (code) (rate(autorollback_webhook_requests_total{instance=~"$instance"}[$__rate_interval]))`, "{{code}}")},
		{lines, "Time of the receiver's calls", "", "s", 8, nil, []query{
			{`histogram_quantile(0.5, sum by (le) (rate(autorollback_webhook_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`, "median"},
			{`histogram_quantile(0.99, sum by (le) (rate(autorollback_webhook_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`, "99 %"}}},
		{lines, "Alerts in accepted calls", "", "none", 8, nil,
			one(`sum by (outcome) (increase(autorollback_webhook_alerts_total{instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}")},
		{lines, "Messages to the team", "", "none", 8, nil,
			one(`sum by (sink, outcome) (increase(autorollback_messages_total{instance=~"$instance"}[$__rate_interval]))`, "{{sink}} {{outcome}}")},
		{lines, "Problems", "The log says what.", "none", 8, nil,
			one(`sum by (part) (increase(autorollback_problems_total{instance=~"$instance"}[$__rate_interval]))`, "{{part}}")},
		{lines, "Transactions that lost a race", "Decided again: harmless, with several replicas.", "none", 8, nil,
			one(`sum by (instance) (increase(autorollback_conflicts_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}")},
		{lines, "Requests of people and Prometheus", "", "reqps", 8, nil,
			one(`sum by (listener, class) (rate(autorollback_web_requests_total{instance=~"$instance"}[$__rate_interval]))`, "{{listener}} {{class}}")},
		{lines, "Passwords", "", "none", 8, nil,
			one(`sum by (result) (increase(autorollback_web_sign_ins_total{instance=~"$instance"}[$__rate_interval]))`, "{{result}}")},
		{lines, "Connections dropped", "A listener, or an address, had as many as it may.", "none", 8, nil,
			one(`sum by (listener) (increase(autorollback_connections_dropped_total{instance=~"$instance"}[$__rate_interval]))`, "{{listener}}")},
		{lines, "Since rules were compared", "Years: Prometheus cannot be queried for its rules.", "s", 8, nil,
			one(`time() - max by (service) (autorollback_rule_check_timestamp_seconds{instance=~"$instance"})`, "{{service}}")},
		{lines, "Memory", "", "bytes", 8, nil,
			one(`process_resident_memory_bytes{job="autorollback",instance=~"$instance"}`, "{{instance}}")},
		{lines, "Processor", "", "percentunit", 8, nil,
			one(`rate(process_cpu_seconds_total{job="autorollback",instance=~"$instance"}[$__rate_interval])`, "{{instance}}")},
	})
}
