package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestMarksSurviveWrapping(t *testing.T) {
	for _, tt := range []struct {
		name          string
		err           error
		poison, quota bool
	}{
		{"poison", fmt.Errorf("alert 7: %w", Poison(io.ErrUnexpectedEOF)), true, false},
		{"quota", fmt.Errorf("alert 7: %w", Quota(io.ErrUnexpectedEOF)), false, true},
		{"neither", fmt.Errorf("alert 7: %w", io.ErrUnexpectedEOF), false, false},
	} {
		if got := errors.Is(tt.err, ErrPoison); got != tt.poison {
			t.Errorf("%s: poison is %v", tt.name, got)
		}
		if got := errors.Is(tt.err, ErrQuota); got != tt.quota {
			t.Errorf("%s: quota is %v", tt.name, got)
		}
		if !errors.Is(tt.err, io.ErrUnexpectedEOF) || tt.err.Error() != "alert 7: unexpected EOF" {
			t.Errorf("%s: the error is now %v", tt.name, tt.err)
		}
	}
}
