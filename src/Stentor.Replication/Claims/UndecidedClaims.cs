namespace Stentor.Replication;

/// <summary>
/// The claim channels that a replica knows to be undecided, so that it looks at them again when the voter sets change. What a batch changed can be taken back.
/// </summary>
internal sealed class UndecidedClaims
{
    /// <summary>
    /// Most names. 10,000 are some 2 MB and are looked through in well under 100 ms. What does not fit is not kept: whoever drives the replica walks
    /// through all claim channels after a change of the voter set.
    /// </summary>
    public const int NamesMax = 10_000;

    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<(string Channel, bool IsAdded)> _changes = [];

    /// <summary>The names at this moment, in ordinal order: every replica votes in the same order.</summary>
    public string[] Names() => [.. _names];

    /// <summary>Puts a channel in, or takes it out.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="isUndecided">Whether there is a claim, and no decision.</param>
    public void Set(string channel, bool isUndecided)
    {
        if (isUndecided ? _names.Count < NamesMax && _names.Add(channel) : _names.Remove(channel))
        {
            _changes.Add((channel, isUndecided));
        }
    }

    /// <summary>What the batch changed stands.</summary>
    public void Commit() => _changes.Clear();

    /// <summary>What the batch changed is taken back.</summary>
    public void Rollback()
    {
        for (var i = _changes.Count - 1; i >= 0; i--)
        {
            var (channel, isAdded) = _changes[i];
            _ = isAdded ? _names.Remove(channel) : _names.Add(channel);
        }

        _changes.Clear();
    }
}
