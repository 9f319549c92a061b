package verify_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/verify"
)

// deaf is a Prometheus that never answers.
type deaf struct{ promapi.API }

func (deaf) Query(ctx context.Context, _ string, _ time.Time) (model.Value, promapi.Warnings, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func TestACallEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := verify.New(deaf{}, 0).Firing(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no answer within 2s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != verify.DefaultTimeout {
			t.Errorf("took %s", took)
		}
	})
}
