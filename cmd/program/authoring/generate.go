package authoring

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/rules/operator"
)

// The forms that rules and the route are written in.
const (
	formPrometheus = "prometheus"
	formOperator   = "operator"
)

// generate is rules generate as it was called.
type generate struct {
	c         cli.Console
	where     regionFlags
	paths     []string
	check     bool
	form      string
	rulesFile string
	testsFile string
	examples  string

	amFile, url, tokenFile, tokenSecret string
	resource                            operator.Meta
}

// generateCommand is rules generate.
func generateCommand(parent *kingpin.CmdClause, c cli.Console) map[string]cli.Action {
	cmd := parent.Command("generate", "Write the rule file, one alert for each trigger; with --check only compare, exit code 3 on a difference. Example: autorollback rules generate runbooks/ --rules-file autorollback.rules.yml --alertmanager-file alertmanager.yml --receiver-url http://localhost:9096/v1/alertmanager --receiver-token-file /etc/autorollback/token")
	g := &generate{c: c, resource: operator.Meta{Labels: map[string]string{}}}
	cmd.Arg("path", "Runbook files or folders.").Required().StringsVar(&g.paths)
	cmd.Flag("rules-file", "Write the rules here; default: standard output.").StringVar(&g.rulesFile)
	cmd.Flag("check", "Write nothing: say whether the files that would be written are what the runbooks make, and where they begin to differ.").BoolVar(&g.check)
	cmd.Flag("form", "prometheus: files of Prometheus and Alertmanager; operator: a PrometheusRule and an AlertmanagerConfig.").Default(formPrometheus).EnumVar(&g.form, formPrometheus, formOperator)
	cmd.Flag("alertmanager-file", "Also write the route to us: a complete Alertmanager configuration, or an AlertmanagerConfig.").StringVar(&g.amFile)
	cmd.Flag("receivers-file", "Also write an example here: an Alertmanager configuration that brings our own messages to PagerDuty, mail, Slack and Teams.").StringVar(&g.examples)
	cmd.Flag("receiver-url", "Where Alertmanager reaches the receiver.").Default("http://localhost:9096/v1/alertmanager").StringVar(&g.url)
	cmd.Flag("receiver-token-file", "The bearer token's file, as Alertmanager sees it; default: /etc/autorollback/receiver.token.").StringVar(&g.tokenFile)
	cmd.Flag("receiver-token-secret", "With --form=operator: the bearer token's Secret as NAME/KEY; default: autorollback/receiver.token.").StringVar(&g.tokenSecret)
	cmd.Flag("resource-name", "With --form=operator: metadata.name; default: autorollback.").StringVar(&g.resource.Name)
	cmd.Flag("resource-label", "With --form=operator: a label, KEY=VALUE, by which your Prometheus selects rules; may be repeated.").StringMapVar(&g.resource.Labels)
	cmd.Flag("tests", "Also write unit tests for promtool here; needs --rules-file.").StringVar(&g.testsFile)
	g.where.declare(cmd)
	return map[string]cli.Action{cmd.FullCommand(): func(context.Context) error { return g.run() }}
}

func (g *generate) run() error {
	if err := g.wrong(); err != nil {
		return cli.Usage(err)
	}
	groups, err := compile(g.where, g.paths)
	if err != nil {
		return err
	}
	text, err := g.rules(groups)
	if err != nil {
		return err
	}
	all, err := g.beside()
	if err != nil {
		return err
	}
	if g.rulesFile == "" {
		if err := g.write(all); err != nil {
			return err
		}
		_, err = g.c.Out.Write(text)
		return err
	}
	all = append(all, generated{what: "rules", path: g.rulesFile, text: text, says: summary(groups, g.rulesFile)})
	if g.check {
		return g.compare(all)
	}
	return g.write(all)
}

// wrong says what of the command line does not go together.
func (g *generate) wrong() error {
	switch asOperator := g.form == formOperator; {
	case g.check && g.rulesFile == "":
		return errors.New("--check needs --rules-file: the file to compare with")
	case g.check && g.examples != "":
		return errors.New("--check compares what is not to be edited, and --receivers-file is an example")
	case g.testsFile != "" && g.rulesFile == "":
		return errors.New("--tests needs --rules-file: the tests name it")
	case g.testsFile != "" && asOperator:
		return errors.New("--tests needs --form=prometheus: promtool reads no PrometheusRule")
	case g.tokenFile != "" && asOperator:
		return errors.New("--receiver-token-file is for --form=prometheus; the operator reads a Secret: --receiver-token-secret")
	case !asOperator && (g.tokenSecret != "" || g.resource.Name != "" || len(g.resource.Labels) > 0):
		return errors.New("--receiver-token-secret, --resource-name and --resource-label need --form=operator")
	}
	return nil
}

func (g *generate) meta() operator.Meta {
	return operator.Meta{Name: cmp.Or(g.resource.Name, "autorollback"), Labels: g.resource.Labels}
}

func (g *generate) rules(groups []rules.Group) ([]byte, error) {
	if g.form == formOperator {
		return operator.PrometheusRule(groups, g.meta())
	}
	return rules.Marshal(groups)
}

func (g *generate) route() ([]byte, error) {
	if g.form == formOperator {
		return operator.AlertmanagerConfig(g.url, cmp.Or(g.tokenSecret, "autorollback/receiver.token"), g.meta())
	}
	return rules.Route(g.url, cmp.Or(g.tokenFile, "/etc/autorollback/receiver.token"))
}

// beside is what is written beside the rules.
func (g *generate) beside() (all []generated, err error) {
	if g.amFile != "" {
		text, err := g.route()
		if err != nil {
			return nil, err
		}
		all = append(all, generated{what: "Alertmanager configuration", path: g.amFile, text: text})
	}
	if g.examples != "" {
		all = append(all, generated{what: "receivers", path: g.examples, text: rules.Receivers()})
	}
	if g.testsFile != "" {
		text, tests, err := unitTests(g.c, g.testsFile, g.rulesFile, g.paths)
		if err != nil {
			return nil, err
		}
		all = append(all, generated{what: "tests", path: g.testsFile, text: text, says: fmt.Sprintf("%s: %d tests", g.testsFile, tests)})
	}
	return all, nil
}
