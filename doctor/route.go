package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"
	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// A config is the part of Alertmanager's configuration that says how alerts come to us.
type config struct {
	Global struct {
		HTTP httpConfig `yaml:"http_config"`
	} `yaml:"global"`
	Route     route          `yaml:"route"`
	Receivers []hookReceiver `yaml:"receivers"`
}

// A route is one node of the tree. What it leaves out it has from its parent.
type route struct {
	Receiver string            `yaml:"receiver"`
	Matchers []string          `yaml:"matchers"`
	Match    map[string]string `yaml:"match"`
	MatchRE  map[string]string `yaml:"match_re"`
	Continue bool              `yaml:"continue"`
	Routes   []route           `yaml:"routes"`
	GroupBy  []string          `yaml:"group_by"`
	Wait     *model.Duration   `yaml:"group_wait"`
	Interval *model.Duration   `yaml:"group_interval"`
	Repeat   *model.Duration   `yaml:"repeat_interval"`
	Mute     []string          `yaml:"mute_time_intervals"`
	Active   []string          `yaml:"active_time_intervals"`

	parsed amlabels.Matchers
}

type hookReceiver struct {
	Name  string `yaml:"name"`
	Hooks []hook `yaml:"webhook_configs"`
}

// A hook is a webhook. Alertmanager hides the address of most: <secret>.
type hook struct {
	URL          string          `yaml:"url"`
	SendResolved *bool           `yaml:"send_resolved"`
	MaxAlerts    int             `yaml:"max_alerts"`
	Timeout      *model.Duration `yaml:"timeout"`
	HTTP         *httpConfig     `yaml:"http_config"`
}

type httpConfig struct {
	FollowRedirects *bool `yaml:"follow_redirects"`
	Authorization   *struct {
		Type        string `yaml:"type"`
		Credentials string `yaml:"credentials"`
		File        string `yaml:"credentials_file"`
	} `yaml:"authorization"`
	BearerFile string `yaml:"bearer_token_file"`
}

// hidden stands where Alertmanager shows no secret.
const hidden = "<secret>"

func parseConfig(text string) (config, error) {
	var c config
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("read its configuration: %w", err)
	}
	wait, interval := model.Duration(30*time.Second), model.Duration(5*time.Minute)
	repeat := model.Duration(4 * time.Hour)
	root := route{Wait: &wait, Interval: &interval, Repeat: &repeat}
	c.Route.inherit(root)
	return c, c.Route.parse()
}

// inherit fills in what a route and those below it leave out.
func (r *route) inherit(parent route) {
	if r.Receiver == "" {
		r.Receiver = parent.Receiver
	}
	if r.GroupBy == nil {
		r.GroupBy = parent.GroupBy
	}
	for _, d := range []struct{ own, parents **model.Duration }{
		{&r.Wait, &parent.Wait}, {&r.Interval, &parent.Interval}, {&r.Repeat, &parent.Repeat},
	} {
		if *d.own == nil {
			*d.own = *d.parents
		}
	}
	for n := range r.Routes {
		r.Routes[n].inherit(*r)
	}
}

// walk returns the routes that an alert takes.
func (r *route) walk(alert model.LabelSet) []*route {
	if !r.matches(alert) {
		return nil
	}
	var all []*route
	for n := range r.Routes {
		took := r.Routes[n].walk(alert)
		all = append(all, took...)
		if len(took) > 0 && !r.Routes[n].Continue {
			break
		}
	}
	if len(all) == 0 {
		return []*route{r}
	}
	return all
}

func (r *route) matches(alert model.LabelSet) bool {
	return !slices.ContainsFunc(r.parsed, func(m *amlabels.Matcher) bool {
		return !m.Matches(string(alert[model.LabelName(m.Name)]))
	})
}

// parse reads the matchers of a route and of those below it, in their old form too.
func (r *route) parse() error {
	for _, old := range []struct {
		kind amlabels.MatchType
		all  map[string]string
	}{{amlabels.MatchEqual, r.Match}, {amlabels.MatchRegexp, r.MatchRE}} {
		for name, value := range old.all {
			m, err := amlabels.NewMatcher(old.kind, name, value)
			if err != nil {
				return fmt.Errorf("read matcher: %w", err)
			}
			r.parsed = append(r.parsed, m)
		}
	}
	for _, text := range r.Matchers {
		all, err := parseMatchers(text)
		if err != nil {
			return fmt.Errorf("read matcher: %w", err)
		}
		r.parsed = append(r.parsed, all...)
	}
	for n := range r.Routes {
		if err := r.Routes[n].parse(); err != nil {
			return err
		}
	}
	return nil
}

// parseMatchers reads matchers in today's form, or in that from before UTF-8.
func parseMatchers(text string) (amlabels.Matchers, error) {
	if m, err := parse.Matchers(text); err == nil {
		return m, nil
	}
	return amlabels.ParseMatchers(text)
}

// ours are the webhooks of a receiver that end in path. Of those whose address is hidden all
// may be.
func (c config) ours(receiver, path string) []hook {
	for _, r := range c.Receivers {
		if r.Name == receiver {
			return slices.DeleteFunc(slices.Clone(r.Hooks), func(h hook) bool {
				return h.URL != hidden && !strings.HasSuffix(strings.TrimRight(h.URL, "/"), path)
			})
		}
	}
	return nil
}

// A way is a route to a webhook of ours.
type way struct {
	*route
	hook hook
}

// ways are those that an alert takes to us. Where one is called after us, a hidden address
// elsewhere is somebody else's.
func (c *config) ways(alert model.LabelSet, path string) []way {
	var all, named []way
	for _, r := range c.Route.walk(alert) {
		for _, h := range c.ours(r.Receiver, path) {
			w := way{r, h}
			all = append(all, w)
			if h.URL != hidden || strings.Contains(r.Receiver, "autorollback") {
				named = append(named, w)
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}
