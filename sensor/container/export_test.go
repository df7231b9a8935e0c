package container

// Wait returns when all that Start began has ended.
func (r *Resolver) Wait() { r.running.Wait() }
