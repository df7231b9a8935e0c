// Command provenance makes the sensor image's base, says where an image comes from, and holds an image against that.
//
//	provenance base REPOSITORY        pushes the base, and prints its reference
//	provenance attach IMAGE BASE      says where an image comes from that was just built here, by $VERSION, $COMMIT and $BUILD_ID
//	provenance verify IMAGE KO        builds it again in this folder, the project's, and compares
//	provenance sbom IMAGE             prints the list of its parts
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"tiercel.dev/scripts/ko/image"
)

// login is by what gcloud or docker has configured, and in Cloud Build as the build's own account.
var login = remote.WithAuthFromKeychain(authn.NewMultiKeychain(authn.DefaultKeychain, google.Keychain))

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "provenance:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "base":
		base, err := image.PushBase(args[1]+":base", login)
		if err != nil {
			return err
		}
		fmt.Println(base)
		return nil
	case len(args) == 3 && args[0] == "attach":
		return of(args[1], func(at name.Digest) error { return attach(at, args[2]) })
	case len(args) == 3 && args[0] == "verify":
		return of(args[1], func(at name.Digest) error { return verify(at, args[2]) })
	case len(args) == 2 && args[0] == "sbom":
		return of(args[1], func(at name.Digest) error {
			data, _, err := image.SBOM(at, login)
			os.Stdout.Write(data)
			return err
		})
	}
	fmt.Fprintln(os.Stderr, "usage: provenance base REPOSITORY | attach IMAGE BASE | verify IMAGE KO | sbom IMAGE")
	os.Exit(2)
	return nil
}

func of(text string, do func(name.Digest) error) error {
	at, err := name.NewDigest(text)
	if err != nil {
		return err
	}
	if err := do(at); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

func attach(at name.Digest, base string) error {
	source, err := image.Source(".")
	if err != nil {
		return err
	}
	version, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	s, err := image.State(at, image.Origin{
		Parameters: image.Parameters{Version: os.Getenv("VERSION"), Base: base}, Tools: image.Tools{Go: strings.TrimSpace(string(version))},
		Source: source, Commit: os.Getenv("COMMIT"), Build: os.Getenv("BUILD_ID"),
	})
	if err != nil {
		return err
	}
	return s.Attach(at, login)
}

func verify(at name.Digest, ko string) error {
	s, err := image.Verify(ko, ".", at, login)
	if err != nil {
		return err
	}
	_, parts, err := image.SBOM(at, login)
	if err != nil {
		return err
	}
	d := s.Predicate.BuildDefinition
	fmt.Printf("%s\nis what this folder makes: version %s, %s, source %s, built by %s %s\nits SBOM lists %d parts\n",
		at, d.ExternalParameters.Version, d.InternalParameters.Go, s.Source(), s.Predicate.RunDetails.Builder.ID, s.Predicate.RunDetails.Metadata.InvocationID, parts)
	return nil
}
