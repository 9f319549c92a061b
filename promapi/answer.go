package promapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/autorollback/autorollback/outbound"
	"github.com/prometheus/common/model"
)

// status is what stands in every answer, beside its data.
type status struct {
	Status    string    `json:"status"`
	ErrorType ErrorType `json:"errorType"`
	Error     string    `json:"error"`
	Warnings  Warnings  `json:"warnings"`
	Partial   bool      `json:"isPartial"` // VictoriaMetrics, where a storage node did not answer
}

// series is one of a vector or of a matrix.
type series struct {
	Metric     model.Metric                `json:"metric"`
	Value      *model.SamplePair           `json:"value"`
	Histogram  *model.SampleHistogramPair  `json:"histogram"`
	Values     pairs                       `json:"values"`
	Histograms []model.SampleHistogramPair `json:"histograms"`
}

// decode reads the answer to a query.
func decode(body []byte) (model.Value, Warnings, error) {
	var a struct {
		status
		Data struct {
			Type   model.ValueType `json:"resultType"`
			Result []series        `json:"result"`
		} `json:"data"`
	}
	err := json.Unmarshal(body, &a)
	if a.Partial {
		a.Warnings = append(a.Warnings, "isPartial")
	}
	var value model.Value
	switch {
	case a.Status == "error":
		return nil, a.Warnings, a.refusal(http.StatusOK)
	case a.Data.Type == model.ValScalar: // which is no list of series
		value, err = scalar(body)
	case err == nil && a.Data.Type == model.ValVector:
		value, err = vector(a.Data.Result)
	case err == nil && a.Data.Type == model.ValMatrix:
		value = matrix(a.Data.Result)
	case err == nil:
		err = fmt.Errorf("unexpected value type %q", a.Data.Type)
	}
	if err != nil {
		return nil, a.Warnings, &Error{http.StatusOK, BadResponse, outbound.Excerpt(err.Error())}
	}
	return value, a.Warnings, nil
}

func scalar(body []byte) (*model.Scalar, error) {
	var a struct {
		Data struct {
			Result model.Scalar `json:"result"`
		} `json:"data"`
	}
	err := json.Unmarshal(body, &a)
	return &a.Data.Result, err
}

func vector(result []series) (model.Vector, error) {
	out := make(model.Vector, 0, len(result))
	for _, s := range result {
		switch {
		case s.Value != nil:
			out = append(out, &model.Sample{Metric: s.Metric, Timestamp: s.Value.Timestamp, Value: s.Value.Value})
		case s.Histogram != nil:
			out = append(out, &model.Sample{Metric: s.Metric, Timestamp: s.Histogram.Timestamp, Histogram: s.Histogram.Histogram})
		default:
			return nil, fmt.Errorf("series %s has no value", s.Metric)
		}
	}
	return out, nil
}

func matrix(result []series) model.Matrix {
	out := make(model.Matrix, 0, len(result))
	for _, s := range result {
		out = append(out, &model.SampleStream{Metric: s.Metric, Values: s.Values, Histograms: s.Histograms})
	}
	return out
}

// pairs are the samples of a series, [[time, "value"], …]. There are thousands of them in an
// answer: encoding/json knows by now that the text is JSON, and the numbers are cut out of it.
type pairs []model.SamplePair

var errPair = errors.New(`a sample must be [time, "value"]`)

// UnmarshalJSON implements json.Unmarshaler.
func (p *pairs) UnmarshalJSON(text []byte) error {
	*p = make(pairs, 0, bytes.Count(text, []byte("]")))
	for one := range bytes.SplitSeq(text, []byte("]")) {
		one = bytes.TrimLeft(one, "[, \t\r\n")
		if len(one) == 0 {
			continue
		}
		at, value, both := bytes.Cut(one, []byte(","))
		if !both {
			return errPair
		}
		var pair model.SamplePair
		v, err := strconv.ParseFloat(string(bytes.Trim(value, "\" \t\r\n")), 64)
		if err != nil || pair.Timestamp.UnmarshalJSON(bytes.TrimSpace(at)) != nil {
			return errPair
		}
		pair.Value = model.SampleValue(v)
		*p = append(*p, pair)
	}
	return nil
}
