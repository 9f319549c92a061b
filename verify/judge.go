package verify

import (
	"strings"

	"github.com/autorollback/autorollback/record"
)

// Judge sums up one poll, and says why. Any bad answer is Bad. All good is Good; a
// business question that cannot be proved in time is named, see [Pending], and does
// not stand in the way. Anything else is Unknown, no answer at all as well.
func Judge(answers []record.Answer) (record.Health, string) {
	var bad, unknown, good []record.Answer
	system := false
	for _, a := range answers {
		switch {
		case a.Aside:
		case a.Health == record.Bad:
			bad = append(bad, a)
		case a.Health == record.Good:
			good = append(good, a)
			system = system || isSystem(a)
		case !a.Business:
			unknown = append(unknown, a)
		}
	}
	switch {
	case len(bad) > 0:
		return record.Bad, sentences(bad)
	case len(unknown) > 0:
		return record.Unknown, sentences(unknown)
	case !system:
		return record.Unknown, "no question about what users get was answered"
	}
	return record.Good, sentences(append(good, Pending(answers)...))
}

// Pending are the business answers that are neither good nor bad yet.
func Pending(answers []record.Answer) []record.Answer {
	var pending []record.Answer
	for _, a := range answers {
		if a.Business && a.Health != record.Good && a.Health != record.Bad {
			pending = append(pending, a)
		}
	}
	return pending
}

// FlagQuestion is Answer.Question of the flags in the store.
const FlagQuestion = "flags"

// isSystem reports whether the answer tells what users get technically: a candidate
// without traffic alone says nothing of that, nor do pairs, flags and stored predictions.
func isSystem(a record.Answer) bool {
	return !a.Business && a.Question != DrainQuestion && !IsCheck(a)
}

// IsCheck reports whether an answer is about who serves, and not about a level: pairs,
// stored predictions, flags.
func IsCheck(a record.Answer) bool {
	return a.Question == FlagQuestion || strings.HasPrefix(a.Question, PairQuestion) || strings.HasPrefix(a.Question, GoldenQuestion)
}

func sentences(answers []record.Answer) string {
	texts := make([]string, len(answers))
	for i, a := range answers {
		texts[i] = a.Text
	}
	return strings.Join(texts, ". ")
}
