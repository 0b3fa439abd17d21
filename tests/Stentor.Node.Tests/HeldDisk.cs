using Stentor.Simulation;
using Stentor.Storage;

namespace Stentor.Node.Tests;

/// <summary>A simulated disk whose syncs wait while the test holds them back.</summary>
internal sealed class HeldDisk : IDisk
{
    private readonly ManualResetEventSlim _open = new(initialState: true);
    private readonly SemaphoreSlim _arrived = new(0);

    public SimulatedDisk Inner { get; } = new();

    public long FreeBytes => Inner.FreeBytes;

    /// <summary>Syncs wait from now on.</summary>
    public void Hold() => _open.Reset();

    /// <summary>Lets the waiting syncs and all later ones go.</summary>
    public void LetGo() => _open.Set();

    /// <summary>Waits until a sync is being held back.</summary>
    public async Task SyncArrivesAsync() => Assert.True(await _arrived.WaitAsync(TestNode.Patience));

    public IDiskFile Open(string name, DiskFileMode mode) => new File(this, Inner.Open(name, mode));

    public IReadOnlyList<string> List() => Inner.List();

    public void Rename(string from, string to) => Inner.Rename(from, to);

    public void Delete(string name) => Inner.Delete(name);

    public void SyncDirectory() => Inner.SyncDirectory();

    private sealed class File(HeldDisk disk, IDiskFile inner) : IDiskFile
    {
        public long Length => inner.Length;

        public int Read(Span<byte> destination, long offset) => inner.Read(destination, offset);

        public void Write(ReadOnlySpan<byte> bytes, long offset) => inner.Write(bytes, offset);

        public void Sync()
        {
            if (!disk._open.IsSet)
            {
                disk._arrived.Release();
                Assert.True(disk._open.Wait(TestNode.Patience));
            }

            inner.Sync();
        }

        public void Dispose() => inner.Dispose();
    }
}
