// Command cut writes the part of a provider's schema that infra/ uses: scripts/provider-schema calls it.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tiercel.dev/internal/terraform"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: cut FULL-SCHEMA FOLDER OUT")
		os.Exit(2)
	}
	if err := cut(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

func cut(full, root, out string) error {
	all, err := terraform.ReadSchema(full)
	if err != nil {
		return err
	}
	part := terraform.Schema{
		Snapshot: all.Snapshot, Provider: all.Provider, Resources: map[string]*terraform.BlockSchema{}, DataSources: map[string]*terraform.BlockSchema{},
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if files, _ := filepath.Glob(filepath.Join(path, "*.tf")); err != nil || !entry.IsDir() || len(files) == 0 {
			return err
		}
		m, err := terraform.Load(path)
		if err != nil {
			return err
		}
		for name := range m.Resources {
			of, from, to := strings.Split(name, ".")[0], all.Resources, part.Resources
			if rest, ok := strings.CutPrefix(name, "data."); ok {
				of, from, to = strings.Split(rest, ".")[0], all.DataSources, part.DataSources
			}
			if from[of] == nil {
				return fmt.Errorf("%s: %s has no %s of %s", path, full, of, all.Snapshot)
			}
			to[of] = from[of]
		}
		return nil
	})
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(part, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(data, '\n'), 0o644)
}
