package program

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
)

// fromTemplate is what `runbook new` writes, loaded.
func fromTemplate(t *testing.T, kind string, change func(string) string) *runbook.Runbook {
	t.Helper()
	text, err := templates.New(kind, "ranker")
	if err != nil {
		t.Fatal(err)
	}
	rb, err := runbook.Parse("runbooks/ranker.yaml", []byte(change(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

func asItIs(text string) string { return text }

// Both exercises, a canary plan with explicit triggers and metrics and a rollback runbook
// with exact commands and checks, are what comes out of a template: every box is ticked
// and the page says all of it.
func TestTemplatesAreReadyToUse(t *testing.T) {
	common := []string{"## Trigger", "latency-p95", "P95 latency 30% above stable over 5m", "error-rate", "conversion-drop", "**roll back at once**",
		"## Action", `autorollback rollback ranker --reason "WHY"`, "consul kv put autorollback/v1/control paused",
		"## Verify", "error rate", "P95 latency", "KPI conversion", "Within 10m", "## Communicate", "## Preserve evidence", "## Follow-up", "## Rollout", "autorollback release plan ranker"}
	steps := map[string][]string{
		"canary":        {"| 1 % | 10m |", "| 5 % | 30m |", "| 25 % | 1h |", "| 50 % | 2h |", "| 100 % | 1d |"},
		"canary-from-5": {"| 5 % | 30m |", "| 25 % | 1h |", "| 50 % | 2h |", "| 100 % | 1d |"},
		"bluegreen":     {"| 95 % | 1d |", "autorollback release flip ranker"},
	}
	for kind, want := range steps {
		t.Run(kind, func(t *testing.T) {
			rb := fromTemplate(t, kind, asItIs)
			for _, box := range rb.SelfChecks() {
				if archive := box.Name == "evidence archived"; box.OK == archive { // where that is only the team knows
					t.Errorf("%v %s: %s", box.OK, box.Name, box.Why)
				}
			}
			page := string(runbook.Render(rb))
			for _, w := range append(want, common...) {
				if !strings.Contains(page, w) {
					t.Errorf("the page does not say %q", w)
				}
			}
			if kind == "canary-from-5" && strings.Contains(page, "| 1 % |") {
				t.Error("there is a step of 1 %")
			}
			plansWell(t, rb)
		})
	}
}

// plansWell wants a plan without errors at the traffic of a large service.
func plansWell(t *testing.T, rb *runbook.Runbook) {
	t.Helper()
	p, err := plan.New(rb, plan.Traffic{Rate: 10_000}, plan.StepsOf(rb))
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range p.Triggers {
		if tr.Error != "" {
			t.Errorf("%s: %s; %s", tr.Trigger, tr.Error, tr.Fix)
		}
	}
	for _, l := range p.Lints {
		if l.Severity == plan.LintError || l.Severity == plan.LintWarning {
			t.Errorf("%+v", l)
		}
	}
}

// A runbook of an exporter that is known is ready as well; help, and a wrong name, list them.
func TestNewWithMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ranker.yaml")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"new canary --metrics help", cli.ExitOK, "vllm           vLLM: "},
		{"new canary --service ranker --metrics nginx", cli.ExitUsage, "nginx-ingress"},
		{"new canary --metrics vllm", cli.ExitUsage, "service"},
		{"new canary --service ranker --metrics vllm -O " + path, cli.ExitOK, ""},
		{"check " + path, cli.ExitWanting, "KPI stops"},
		{"check " + path, cli.ExitWanting, "[ ] owner.contact"}, // it is the template's
		{"render " + path, cli.ExitOK, "vllm:time_to_first_token_seconds_bucket"},
	} {
		got, code := planned(t, strings.Fields("runbook "+c.args)...)
		if code != c.code || !strings.Contains(got, c.want) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s", c.args, code, c.code, c.want, got)
		}
	}
}

// The commented triggers of a template are valid as they stand, and compile.
func TestCommentedTriggersAreValid(t *testing.T) {
	types := []runbook.TriggerType{runbook.NullSpike, runbook.SchemaMismatch, runbook.DistributionShift, runbook.CanaryStarved, runbook.ErrorIncrease}
	for _, kind := range []string{"canary", "canary-from-5", "bluegreen"} {
		t.Run(kind, func(t *testing.T) {
			rb := fromTemplate(t, kind, uncomment)
			for _, want := range types {
				if !slices.ContainsFunc(rb.Triggers, func(tr runbook.Trigger) bool { return tr.Type == want }) {
					t.Errorf("no trigger of type %s", want)
				}
			}
			if _, err := rules.Compile(rb); err != nil {
				t.Error(err)
			}
			plansWell(t, rb)
		})
	}
}

// uncomment takes the "# " away from the blocks that a reader may take.
func uncomment(text string) string {
	lines, inside := strings.Split(text, "\n"), false
	for i, line := range lines {
		starts := strings.HasPrefix(line, "  # features:") || strings.HasPrefix(line, "  # - name: missing-features")
		if inside = (inside || starts) && strings.HasPrefix(line, "  # "); inside {
			lines[i] = "  " + strings.TrimPrefix(line, "  # ")
		}
	}
	return strings.Join(lines, "\n")
}
