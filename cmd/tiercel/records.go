package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"google.golang.org/api/option"

	"tiercel.dev/internal/objects"
	"tiercel.dev/local"
)

// recordFlags say where the functions' records are.
type recordFlags struct{ bucket, local string }

func (f *recordFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.bucket, "bucket", "", "`bucket` in which the functions keep their records")
	cmd.Flags().StringVar(&f.local, "local", "", "`address` (HOST:PORT) of the functions of a running tiercel up")
	noFiles(cmd, "bucket", "local")
}

// open returns what reads the records.
func (f *recordFlags) open(ctx context.Context) (*objects.Bucket, error) {
	bucket, options := f.bucket, []option.ClientOption(nil)
	switch {
	case f.local != "":
		if err := listens(ctx, f.local); err != nil {
			return nil, err
		}
		options = []option.ClientOption{option.WithEndpoint("http://" + f.local + "/storage/v1/"), option.WithoutAuthentication()}
		if bucket == "" {
			bucket = local.Bucket
		}
	case bucket == "":
		return nil, mistake{errors.New("give --bucket, the one in which the functions keep their records, or --local")}
	}
	return objects.NewBucket(ctx, bucket, options...)
}
