package node

import (
	"fmt"

	"tiercel.dev/sensor/redact"
)

// redactor takes secrets out of what is stored and sent, as the settings say.
func redactor(cfg Config) (*redact.Redactor, error) {
	arguments, err := redact.ParseArguments(cfg.Arguments)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMistake, err)
	}
	return redact.New(redact.Config{Arguments: arguments, Environment: cfg.Environment}), nil
}
