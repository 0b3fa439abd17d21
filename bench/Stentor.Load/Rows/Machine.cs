using System.Runtime.InteropServices;
using Stentor.Load.Net;
using Stentor.Load.Reporting;

namespace Stentor.Load.Rows;

/// <summary>What the machine does by itself, with no server on it: the floor under every latency.</summary>
internal static class Machine
{
    // Well above what the kernel's own interrupts take, well below a percentile that matters.
    private const long StallMin = 300 * Clock.Microsecond;

    private const int SyncedBytes = 4096;
    private const int SyncedFileBytes = 64 * 1024 * 1024;
    private const int TouchedBytes = 256 * 1024 * 1024;

    /// <summary>Time that spinning threads are not given, memory that is used for the first time, and syncs of the disk.</summary>
    public static IEnumerable<Case> Floor(Settings settings)
    {
        foreach (var threads in (int[])[1, Environment.ProcessorCount])
        {
            yield return new Case(
                "machine", $"taken from {threads} spinning thread(s) in stalls of 0.3 ms or more", "ms a second", MoreIsBetter: false,
                [new(Contender.Machine, () => MeasureStalls(settings, threads))]);
        }

        foreach (var threads in (int[])[1, Environment.ProcessorCount])
        {
            yield return new Case(
                "machine", $"first use of a page of memory by {threads} thread(s) at once", "µs", MoreIsBetter: false,
                [new(Contender.Machine, () => MeasureFirstUse(settings, threads))]);
        }

        yield return new Case(
            "machine", "write and sync of 4 KiB over a written file, one after the other, p99", "µs", MoreIsBetter: false,
            [new(Contender.Machine, () => MeasureSyncs(settings))]);
    }

    private static Sample MeasureStalls(Settings settings, int count)
    {
        var end = Clock.Now + (long)(settings.Seconds * Clock.Second);
        var stalls = new List<long>[count];
        var threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            var own = stalls[i] = [];
            threads[i] = new Thread(() => Spin(own, end, settings.Stop));
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        settings.Stop.ThrowIfCancellationRequested();
        var all = stalls.SelectMany(own => own).ToArray();
        return new Sample(
            all.Sum() / (double)Clock.Millisecond / settings.Seconds,
            ("stalls a second", all.Length / settings.Seconds), ("longest ms", all.DefaultIfEmpty().Max() / (double)Clock.Millisecond));
    }

    private static void Spin(List<long> stalls, long end, CancellationToken stop)
    {
        for (var last = Clock.Now; last < end && !stop.IsCancellationRequested;)
        {
            var now = Clock.Now;
            if (now - last >= StallMin)
            {
                stalls.Add(now - last);
            }

            last = now;
        }
    }

    /// <summary>What a log pays for every page that it writes: under a hypervisor that gives memory on demand, most of it is the host's work.</summary>
    private static unsafe Sample MeasureFirstUse(Settings settings, int count)
    {
        var taken = new long[count];
        var threads = new Thread[count];
        using var ready = new Barrier(count);
        for (var i = 0; i < count; i++)
        {
            var own = i;
            threads[i] = new Thread(() =>
            {
                var memory = (byte*)NativeMemory.Alloc(TouchedBytes);
                ready.SignalAndWait(); // All of them come.
                var begin = Clock.Now;
                for (var at = 0; at < TouchedBytes; at += Environment.SystemPageSize)
                {
                    memory[at] = 1;
                }

                taken[own] = Clock.Now - begin;
                NativeMemory.Free(memory);
            });
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        settings.Stop.ThrowIfCancellationRequested();
        return new Sample(taken.Max() / (double)Clock.Microsecond / (TouchedBytes / Environment.SystemPageSize));
    }

    private static Sample MeasureSyncs(Settings settings)
    {
        var path = Path.Combine(settings.WorkDirectory, Path.GetRandomFileName());
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        var bytes = new byte[SyncedBytes];
        for (var i = 0; i < SyncedFileBytes; i += SyncedBytes)
        {
            file.Write(bytes);
        }

        file.Flush(flushToDisk: true);
        var taken = new Latencies(0);
        var end = Clock.Now + (long)(settings.Seconds * Clock.Second);
        for (var at = 0L; Clock.Now < end; at = (at + SyncedBytes) % SyncedFileBytes)
        {
            settings.Stop.ThrowIfCancellationRequested();
            var begin = Clock.Now;
            RandomAccess.Write(file.SafeFileHandle, bytes, at);
            if (Libc.DataSync(file.SafeFileHandle) != 0)
            {
                throw new LoadException($"fdatasync failed: {Marshal.GetLastPInvokeErrorMessage()}");
            }

            taken.Add(begin, Clock.Now);
        }

        return new Sample(taken.Percentile(0.99), ("p50", taken.Percentile(0.5)), ("p99.9", taken.Percentile(0.999)), ("max", taken.Percentile(1)));
    }
}
