package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/view"
)

// What the generated route has, and how far another one may be from it.
const (
	longestInterval = 15 * time.Second // of a group: how long a delivery is retried
	longestRepeat   = 5 * time.Minute  // the watchdog's silence of ten minutes pages
	shortestTimeout = 4 * time.Second  // the receiver itself may take three
	longestTimeout  = 30 * time.Second
)

// identity are the labels that tell our alerts apart.
var identity = []string{"service", "region", "trigger", "release"}

// lint checks how Alertmanager at a host sends our alerts to the receiver.
func (p *patient) lint(host string, c config, alerts []model.LabelSet) []view.Check {
	var ways []way
	var lost []string
	for _, alert := range alerts {
		took := c.ways(alert, p.ReceiverPath)
		if len(took) == 0 {
			lost = append(lost, named(alert))
		}
		for _, w := range took {
			if !slices.ContainsFunc(ways, func(o way) bool { return o.route == w.route }) {
				ways = append(ways, w)
			}
		}
	}
	fix := "put the generated route above your own, and the receiver: autorollback rules generate runbooks/ --alertmanager-file alertmanager.yml"
	if len(ways) == 0 {
		return []view.Check{off(alertmanagerPart, host,
			"no route sends alerts with autorollback=\"true\" to a webhook that ends in "+p.ReceiverPath, fix)}
	}
	var out []view.Check
	if len(lost) > 0 {
		out = append(out, degraded(alertmanagerPart, host,
			fmt.Sprintf("%s%s: no route sends it to us", lost[0], andMore(len(lost)-1)), fix))
	}
	for _, w := range ways {
		for _, f := range w.faults(c.Global.HTTP, p.Bearer) {
			f.Part, f.Name, f.What = alertmanagerPart, host, fmt.Sprintf("receiver %s: %s", w.Receiver, f.What)
			if !slices.Contains(out, f) { // a route has most from its parent
				out = append(out, f)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, ok(alertmanagerPart, host,
			"its route to "+ways[0].Receiver+" sends each alert at once, with a token"))
	}
	return out
}

// faults are what is wrong with a way.
func (w way) faults(global httpConfig, bearer bool) []view.Check {
	var out []view.Check
	bad := func(is bool, what, fix string) {
		if is {
			out = append(out, degraded("", "", what, fix))
		}
	}
	http := global
	if w.hook.HTTP != nil {
		http = *w.hook.HTTP
	}
	if bearer && !http.authorized() {
		out = append(out, off("", "", "it sends no bearer token, and the receiver demands one",
			"write `http_config: {authorization: {type: Bearer, credentials_file: FILE}}`"))
	}
	bad(!w.apart(),
		"group_by "+strings.Join(w.GroupBy, ", ")+" puts several alerts into one message, and a second one waits for the next",
		"write `group_by: ['...']`")
	bad(*w.Wait > 0,
		fmt.Sprintf("group_wait is %s: an alert that ends while it waits is never sent", w.Wait),
		"write `group_wait: 0s`")
	bad(time.Duration(*w.Interval) > longestInterval,
		fmt.Sprintf("group_interval is %s: a lost delivery is tried again for so long, and can be that old", w.Interval),
		"write `group_interval: 15s`")
	bad(time.Duration(*w.Repeat) > longestRepeat,
		fmt.Sprintf("repeat_interval is %s: alerts that still fire are repeated too seldom", w.Repeat),
		"write `repeat_interval: 2m`")
	bad(len(w.Mute)+len(w.Active) > 0,
		"time intervals mute it: "+strings.Join(append(slices.Clone(w.Mute), w.Active...), ", "),
		"leave out mute_time_intervals and active_time_intervals")
	bad(w.hook.MaxAlerts != 0,
		fmt.Sprintf("max_alerts is %d: alerts are left out of messages", w.hook.MaxAlerts),
		"write `max_alerts: 0`")
	bad(w.hook.SendResolved != nil && !*w.hook.SendResolved,
		"send_resolved is false", "write `send_resolved: true`")
	bad(http.FollowRedirects == nil || *http.FollowRedirects,
		"it follows redirects: a login page's 200 would count as delivered",
		"write `http_config: {follow_redirects: false}`")
	timeout := time.Duration(0)
	if w.hook.Timeout != nil {
		timeout = time.Duration(*w.hook.Timeout)
	}
	bad(timeout == 0, "it has no timeout: a call that hangs holds up all later ones", "write `timeout: 5s`")
	bad(timeout > longestTimeout,
		fmt.Sprintf("its timeout is %s: a call that hangs holds up all later ones", w.hook.Timeout),
		"write `timeout: 5s`")
	bad(timeout > 0 && timeout < shortestTimeout,
		fmt.Sprintf("its timeout is %s, and the receiver may take 3s", w.hook.Timeout),
		"write `timeout: 5s`")
	return out
}

// apart reports whether each alert is a message of its own.
func (w way) apart() bool {
	if slices.Contains(w.GroupBy, "...") {
		return true
	}
	return !slices.ContainsFunc(identity, func(l string) bool { return !slices.Contains(w.GroupBy, l) })
}

func (h httpConfig) authorized() bool {
	if h.BearerFile != "" {
		return true
	}
	a := h.Authorization
	return a != nil && (a.Type == "" || strings.EqualFold(a.Type, "Bearer")) && a.Credentials+a.File != ""
}

// named says which alert it is.
func named(alert model.LabelSet) string {
	if s := alert["service"]; s != "" {
		return fmt.Sprintf("%s of %s", alert["trigger"], s)
	}
	return string(alert["trigger"])
}

func andMore(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}
