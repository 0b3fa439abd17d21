using Stentor.Replication;

namespace Stentor.Node.Tests;

/// <summary>A connection between two nodes of this process.</summary>
internal sealed class MemoryLink : IDisposable
{
    private readonly End _one;
    private readonly End _other;

    public MemoryLink(StentorNode one, StentorNode other)
    {
        (_one, _other) = (new End(one.Links!), new End(other.Links!)); // All have a secret.
        (_one.Peer, _other.Peer) = (_other, _one);
        _other.Open(isDialer: false);
        _one.Open(isDialer: true);
    }

    /// <summary>Why the side that dialled ended it.</summary>
    public Task<LinkEnd> Ended => _one.Ended.Task;

    public void Dispose()
    {
        _one.Close();
        _other.Close();
    }

    private sealed class End(LinkLoop links) : ILinkConnection
    {
        private readonly TaskCompletionSource<int> _number = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public End? Peer { get; set; }

        public TaskCompletionSource<LinkEnd> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Address => "memory";

        public void Open(bool isDialer) => _number.SetResult(links.Open(this, isDialer));

        public void Send(byte[] message) => Peer!.Receive(message); // Both ends are made together.

        public bool TrySendNotice(byte[] message)
        {
            Send(message);
            return true;
        }

        void ILinkConnection.End(LinkEnd end)
        {
            Ended.TrySetResult(end);
            Close();
            Peer!.Close(); // Both ends are made together.
        }

        public void Close() => _ = links.CloseAsync(_number.Task.Result);

        private void Receive(byte[] message) => links.Receive(_number.Task.Result, message);
    }
}
