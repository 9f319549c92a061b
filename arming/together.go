package arming

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
)

// questionLabel tells the series of joined questions apart.
const questionLabel = "autorollback_question"

// target is what the questions of a check are remembered by: the next one asks nearly the same.
func (l *look) target() string { return l.rb.Service + "/" + l.rel.Region }

// askTogether asks the questions of the check before as one query, which costs Prometheus a
// fraction of some forty. Of a query that it refuses every question is asked alone.
func (l *look) askTogether(ctx context.Context) error {
	known, ok := l.asked.Load(l.target())
	if !ok {
		return nil
	}
	questions := known.([]string)
	parts := make([]string, len(questions))
	for i, q := range questions {
		parts[i] = fmt.Sprintf("label_replace(%s, %q, \"%d\", \"\", \"\")", q, questionLabel, i)
	}
	all, err := l.query(ctx, strings.Join(parts, "\nor\n"))
	if promapi.Refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	l.answers = make(map[string]model.Vector, len(questions))
	for _, q := range questions {
		l.answers[q] = nil
	}
	for _, s := range all {
		i, err := strconv.Atoi(string(s.Metric[questionLabel]))
		if err != nil || i < 0 || i >= len(questions) {
			return fmt.Errorf("check that %s is armed: an answer to a query that was not made", l.rb.Service)
		}
		delete(s.Metric, questionLabel)
		l.answers[questions[i]] = append(l.answers[questions[i]], s)
	}
	return nil
}
