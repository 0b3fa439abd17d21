using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>What this client has seen, through whichever of its requests and subscriptions: the base of "a client sees its own writes and never goes back". Any thread may call.</summary>
internal sealed class SeenSoFar
{
    private readonly Lock _lock = new();
    private VersionVector _seen = VersionVector.Empty;
    private string? _token;

    /// <summary>All of it.</summary>
    public VersionVector Vector
    {
        get
        {
            lock (_lock)
            {
                return _seen;
            }
        }
    }

    /// <summary>All of it as a token; null when nothing was seen yet.</summary>
    public string? Token
    {
        get
        {
            lock (_lock)
            {
                return _token ??= _seen.Count == 0 ? null : SeenToken.Encode(_seen);
            }
        }
    }

    /// <summary>Adds what was seen.</summary>
    public void Add(VersionVector seen)
    {
        lock (_lock)
        {
            var merged = _seen.Merge(seen);
            if (!ReferenceEquals(merged, _seen))
            {
                _token = null;
                _seen = merged;
            }
        }
    }

    /// <summary>Adds one entry: this client's own write.</summary>
    public void Add(OriginId origin, long seq)
    {
        lock (_lock)
        {
            if (_seen[origin] < seq)
            {
                _token = null;
                _seen = _seen.With(origin, seq);
            }
        }
    }
}
