namespace Stentor.Storage.Tests;

public sealed class RecentWritesTests
{
    [Fact]
    public async Task A_reader_gets_what_was_written_or_nothing_however_fast_it_is_overwritten()
    {
        const int Bytes = 64 * 1024;
        var recent = new RecentWrites();
        var oldest = recent.Next;
        for (var address = oldest; address < oldest + (8 * 1024 * 1024); address += Bytes)
        {
            recent.Take(address, Bytes).Fill(Mark(address));
        }

        long found = 0;
        using var ended = new CancellationTokenSource();
        var reading = Task.Run(() =>
        {
            var bytes = new byte[Bytes];
            for (var i = 0; !ended.IsCancellationRequested; i++)
            {
                // What the writer comes to next, or soon.
                var address = Volatile.Read(ref oldest) + (i % 8 * Bytes);
                if (recent.TryRead(bytes, address))
                {
                    Interlocked.Increment(ref found);
                    Assert.True(!bytes.ContainsAnyExcept(Mark(address)), $"Some of the bytes at {address} are those of another address.");
                }
            }
        });

        while (!reading.IsCompleted && (Interlocked.Read(ref found) < 5_000 || recent.Next < 2L << 30))
        {
            var address = recent.Next;
            recent.Take(address, Bytes).Fill(Mark(address));
            Volatile.Write(ref oldest, Math.Max(oldest, address - (8 * 1024 * 1024) + Bytes));
        }

        await ended.CancelAsync();
        await reading.WaitAsync(TimeSpan.FromMinutes(1));

        static byte Mark(long address) => (byte)((address / Bytes * 37) + (address / (8 * 1024 * 1024)));
    }

    [Fact]
    public void What_was_overwritten_is_not_found_and_what_was_not_is()
    {
        const int RingBytes = 8 * 1024 * 1024;
        var recent = new RecentWrites();
        var first = recent.Next;
        recent.Take(first, 1).Fill(1);
        Assert.Equal(4096, recent.Next - first);
        for (var address = recent.Next; address < first + RingBytes; address = recent.Next)
        {
            recent.Take(address, 4096).Fill(2);
        }

        Span<byte> found = stackalloc byte[1];
        Assert.True(recent.TryRead(found, first));
        Assert.Equal(1, found[0]);
        Assert.False(recent.TryRead(found, first - 1));

        recent.Take(recent.Next, 1);
        Assert.False(recent.TryRead(found, first));
        Assert.True(recent.TryRead(found, first + 4096));
        Assert.Equal(2, found[0]);
    }
}
