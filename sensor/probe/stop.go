package probe

import "errors"

// Stop detaches the programs, and ends Next once it has returned every record that was sent. Close is still to be called.
func (p *Probe) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.stopped = true
	err := p.detach()
	return errors.Join(err, p.reader.Flush())
}

// detach ends all programs; it can be called again. p.mu is held.
func (p *Probe) detach() error {
	var errs []error
	if p.calls != nil {
		errs = append(errs, p.calls.Close())
		p.calls = nil
	}
	errs = append(errs, p.rings.detach(always))
	for _, l := range p.tasks {
		errs = append(errs, l.Close())
	}
	p.tasks = nil
	return errors.Join(errs...)
}
