package operator

import (
	"cmp"
	"reflect"
	"testing"
	"time"

	v1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/test/golden"
)

const receiver = "https://autorollback.example.com:8443/v1/alertmanager"

// route is what the operator's types hold of the resource.
func route(t *testing.T) ([]byte, v1alpha1.AlertmanagerConfig) {
	t.Helper()
	text, err := AlertmanagerConfig(receiver, "autorollback/receiver.token", meta)
	if err != nil {
		t.Fatal(err)
	}
	var c v1alpha1.AlertmanagerConfig
	decode(t, text, &c)
	return text, c
}

func TestGoldenAlertmanagerConfig(t *testing.T) {
	text, c := route(t)
	golden.Equal(t, "alertmanagerconfig.yaml", text)
	if c.Kind != v1alpha1.AlertmanagerConfigKind || c.APIVersion != "monitoring.coreos.com/"+v1alpha1.Version || c.Name != meta.Name {
		t.Errorf("it is %s %s %s", c.APIVersion, c.Kind, c.Name)
	}
}

// alertmanager is what is looked at of Alertmanager's own configuration.
type alertmanager struct {
	Route        plainRoute
	InhibitRules []struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
		Equal  []string
	} `yaml:"inhibit_rules"`
	Receivers []struct {
		Webhooks []struct {
			URL          string
			SendResolved bool  `yaml:"send_resolved"`
			MaxAlerts    int32 `yaml:"max_alerts"`
			Timeout      string
			HTTP         struct {
				FollowRedirects bool `yaml:"follow_redirects"`
				Authorization   struct{ Type string }
			} `yaml:"http_config"`
		} `yaml:"webhook_configs"`
	}
}

type plainRoute struct {
	Receiver       string
	Matchers       []string
	Continue       bool
	GroupBy        []string `yaml:"group_by"`
	GroupWait      string   `yaml:"group_wait"`
	GroupInterval  string   `yaml:"group_interval"`
	RepeatInterval string   `yaml:"repeat_interval"`
	Routes         []plainRoute
}

// way is what both forms say of a route.
type way struct {
	receiver, matchers     string
	groupBy                []string
	wait, interval, repeat time.Duration
	following              bool
	children               []way
}

// Both forms of the route are one; that Alertmanager reads the one is tested in package rules, and
// the operator's types read the other.
func TestBothFormsOfTheRouteAreOne(t *testing.T) {
	text, err := rules.Route(receiver, "/etc/token")
	if err != nil {
		t.Fatal(err)
	}
	var plain alertmanager
	if err := yaml.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	_, c := route(t)
	if want, got := ofAlertmanager(t, plain.Route.Routes[0]), ofOperator(t, *c.Spec.Route); !reflect.DeepEqual(want, got) {
		t.Errorf("route\ngot  %+v\nwant %+v", got, want)
	}
	if n := len(c.Spec.InhibitRules); n != len(plain.InhibitRules) || n != 1 {
		t.Fatalf("%d inhibit rules", n)
	}
	ours, theirs := c.Spec.InhibitRules[0], plain.InhibitRules[0]
	if got, want := joined(t, ours.SourceMatch), ofMatchers(t, theirs.Source); got != want {
		t.Errorf("source %s, want %s", got, want)
	}
	if got, want := joined(t, ours.TargetMatch), ofMatchers(t, theirs.Target); got != want {
		t.Errorf("target %s, want %s", got, want)
	}
	if !reflect.DeepEqual(ours.Equal, theirs.Equal) {
		t.Errorf("equal %v, want %v", ours.Equal, theirs.Equal)
	}
}

func TestBothFormsOfTheReceiverAreOne(t *testing.T) {
	text, err := rules.Route(receiver, "/etc/token")
	if err != nil {
		t.Fatal(err)
	}
	var plain alertmanager
	if err := yaml.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	_, c := route(t)
	if len(c.Spec.Receivers) != 1 || len(c.Spec.Receivers[0].WebhookConfigs) != 1 {
		t.Fatalf("receivers: %+v", c.Spec.Receivers)
	}
	got, want := c.Spec.Receivers[0].WebhookConfigs[0], plain.Receivers[len(plain.Receivers)-1].Webhooks[0]
	if *got.URL != receiver || *got.URL != want.URL || *got.SendResolved != want.SendResolved || got.MaxAlerts != want.MaxAlerts ||
		string(*got.Timeout) != want.Timeout || *got.HTTPConfig.FollowRedirects != want.HTTP.FollowRedirects {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := got.HTTPConfig.Validate(); err != nil {
		t.Error(err)
	}
	secret := got.HTTPConfig.Authorization.Credentials
	if got.HTTPConfig.Authorization.Type != want.HTTP.Authorization.Type || secret.Name != "autorollback" || secret.Key != "receiver.token" {
		t.Errorf("authorization %+v %+v", got.HTTPConfig.Authorization, secret)
	}
}

func TestAlertmanagerConfigRefuses(t *testing.T) {
	for _, c := range []struct{ url, secret string }{
		{"autorollback:8443", "a/b"}, {"https://x/{{ .CommonLabels.x }}", "a/b"}, {receiver, ""}, {receiver, "a"}, {receiver, "a/"}, {receiver, "A/b"}, {receiver, "a/b/c"}, {receiver, "a/b}"},
	} {
		if text, err := AlertmanagerConfig(c.url, c.secret, meta); err == nil {
			t.Errorf("%+v: %s", c, text)
		}
	}
}

func ofAlertmanager(t *testing.T, r plainRoute) way {
	t.Helper()
	w := way{receiver: r.Receiver, matchers: ofMatchers(t, r.Matchers), groupBy: r.GroupBy, following: r.Continue,
		wait: duration(t, r.GroupWait), interval: duration(t, r.GroupInterval), repeat: duration(t, r.RepeatInterval)}
	for _, child := range r.Routes {
		child.Receiver = cmp.Or(child.Receiver, r.Receiver) // inherited
		w.children = append(w.children, ofAlertmanager(t, child))
	}
	return w
}

func ofMatchers(t *testing.T, all []string) (text string) {
	t.Helper()
	for _, m := range all {
		read, err := parse.Matcher(m)
		if err != nil {
			t.Fatal(err)
		}
		text += read.String() + ","
	}
	return text
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

func ofOperator(t *testing.T, r v1alpha1.Route) way {
	t.Helper()
	w := way{receiver: r.Receiver, matchers: joined(t, r.Matchers), groupBy: r.GroupBy, following: r.Continue,
		wait: duration(t, text(r.GroupWait)), interval: duration(t, text(r.GroupInterval)), repeat: duration(t, text(r.RepeatInterval))}
	children, err := r.ChildRoutes()
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range children {
		w.children = append(w.children, ofOperator(t, child))
	}
	return w
}

func joined(t *testing.T, all []v1alpha1.Matcher) (text string) {
	t.Helper()
	for _, m := range all {
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
		text += m.String() + ","
	}
	return text
}

func text(d *v1.NonEmptyDuration) string {
	if d == nil {
		return ""
	}
	return string(*d)
}
