package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"

	"github.com/autorollback/autorollback/keeper"
)

// ProbeName is what the names of test objects begin with.
const ProbeName = "autorollback-probe/"

// probe finds out whether the archive takes an object and gives it back.
func (a archive) probe(ctx context.Context) (keeper.Answer, error) {
	text, name := []byte("a test object: "+rand.Text()+"\n"), ProbeName+rand.Text()
	if err := a.write(ctx, name, bytes.NewReader(text)); err != nil {
		return keeper.Answer{}, err
	}
	back := short{most: len(text)}
	has, err := a.read(ctx, name, &back)
	if err != nil {
		return keeper.Answer{}, err
	}
	if !bytes.Equal(back.Bytes(), text) {
		return keeper.Answer{}, errors.New("the archive gives back something else than was written")
	}
	_ = a.bucket.Delete(ctx, name) // whoever may not delete has a good archive
	return keeper.Answer{Files: 1, Bytes: has.bytes}, nil
}
