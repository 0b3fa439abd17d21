namespace Stentor.Client;

/// <summary>The servers in their order, and the one in use: all parts of a client move on together. Any thread may call.</summary>
internal sealed class AddressList(IReadOnlyList<Uri> addresses)
{
    private int _current;

    public int Count => addresses.Count;

    public Uri Current => addresses[Volatile.Read(ref _current)];

    /// <summary>Goes to the address after <paramref name="failed"/>, unless someone else did so already.</summary>
    public void MoveOnFrom(Uri failed)
    {
        var current = Volatile.Read(ref _current);
        if (addresses[current] == failed)
        {
            Interlocked.CompareExchange(ref _current, (current + 1) % addresses.Count, current);
        }
    }
}
