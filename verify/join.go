package verify

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// questionLabel tells the series of a joined query apart.
const questionLabel = "autorollback_question"

// join makes one query of several: each expression's series get their question's
// number as a label, which keeps them apart under "or".
func join(questions []question, group []int) string {
	parts := make([]string, len(group))
	for n, i := range group {
		parts[n] = fmt.Sprintf("label_replace(\n%s\n, %q, \"%d\", \"\", \"\")", questions[i].expr, questionLabel, i)
	}
	return strings.Join(parts, "\nor\n")
}

var errStray = errors.New("an answer to a question that was not asked")

// split gives each question its own series of a joined answer, without the label. A
// question without series has the empty vector.
func split(value model.Value, group []int, err error) (map[int]model.Value, error) {
	if err != nil {
		return nil, err
	}
	vector, ok := value.(model.Vector)
	parts := make(map[int]model.Value, len(group))
	own := make(map[string]model.Vector, len(group))
	for _, i := range group {
		own[strconv.Itoa(i)] = model.Vector{}
	}
	for _, s := range vector {
		if s == nil {
			return nil, errStray
		}
		n := string(s.Metric[questionLabel])
		if _, asked := own[n]; !asked {
			return nil, errStray
		}
		delete(s.Metric, questionLabel)
		own[n] = append(own[n], s)
	}
	for _, i := range group {
		if ok {
			parts[i] = own[strconv.Itoa(i)]
		} else if value != nil && value.Type() != model.ValScalar {
			parts[i] = value // no vector: refused by whoever reads it
		}
	}
	return parts, nil
}
