namespace Stentor.Replication;

/// <summary>The last notice taken of each process, by which one that comes again is known. One owner.</summary>
/// <param name="instancesMax">Most processes to remember.</param>
/// <param name="rememberMs">How long one is remembered at the least.</param>
internal sealed class HeardNotices(int instancesMax, long rememberMs)
{
    private readonly Dictionary<string, LinkedListNode<Heard>> _byInstance = [];

    // The one heard of longest ago stands first.
    private readonly LinkedList<Heard> _byTime = new();

    /// <summary>Whether a notice is later than those taken of its process.</summary>
    /// <param name="instance">The process.</param>
    /// <param name="number">The notice's number.</param>
    public bool IsNews(string instance, long number) => number > (_byInstance.TryGetValue(instance, out var heard) ? heard.Value.Number : 0);

    /// <summary>Remembers a notice that is news.</summary>
    /// <param name="instance">The process.</param>
    /// <param name="number">The notice's number.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <returns>False when the process is new, and there is no room for it yet.</returns>
    public bool TryAdd(string instance, long number, long now)
    {
        if (_byInstance.Remove(instance, out var before))
        {
            _byTime.Remove(before);
        }
        else if (_byInstance.Count >= instancesMax && !TryForget(now))
        {
            return false;
        }

        _byInstance.Add(instance, _byTime.AddLast(new Heard(instance, number, now)));
        return true;
    }

    /// <summary>Forgets the process heard of longest ago, if that is long enough ago.</summary>
    private bool TryForget(long now)
    {
        if (_byTime.First is not { } first || now - first.Value.At < rememberMs)
        {
            return false;
        }

        _byTime.RemoveFirst();
        return _byInstance.Remove(first.Value.Instance);
    }

    private readonly record struct Heard(string Instance, long Number, long At);
}
