package rules

import (
	"fmt"
	"strconv"
	"strings"
)

func parseWeight(text string) (int, error) {
	w, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	if err != nil {
		return 0, fmt.Errorf("weight %q: write whole percentages, e.g. 1,5,25,50,100", text)
	}
	return w, nil
}
