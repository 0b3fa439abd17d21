using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;

if (args is not ["--smoke"])
{
    // In this process: the project that a separate one would be generated from is subject to this repository's analyzers.
    var config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance)).AddDiagnoser(MemoryDiagnoser.Default);
    var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
    return summaries.All(s => s.Reports.All(r => r.Success)) ? 0 : 1;
}

// Every benchmark once, so that none rots. Nothing is measured and nothing is left behind.
var log = new LogCapture();
var artifacts = Directory.CreateTempSubdirectory("stentor-benchmarks-");
try
{
    var smoke = ManualConfig.CreateEmpty()
        .AddJob(Job.Dry.WithToolchain(InProcessNoEmitToolchain.Instance))
        .AddLogger(log)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .WithArtifactsPath(artifacts.FullName);
    var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(["--filter", "*"], smoke).ToArray();
    var failed = summaries.SelectMany(s => s.Reports).Where(r => !r.Success || r.AllMeasurements.Count == 0).Select(r => r.BenchmarkCase.DisplayInfo).ToArray();
    var invalid = summaries.SelectMany(s => s.ValidationErrors).Where(e => e.IsCritical).Select(e => e.Message).ToArray();
    foreach (var line in failed.Concat(invalid))
    {
        Console.Error.WriteLine($"FAILED: {line}");
    }

    var ran = summaries.Sum(s => s.Reports.Length);
    Console.WriteLine($"{ran} benchmarks ran once, {failed.Length + invalid.Length} failed.");
    return ran > 0 && failed.Length + invalid.Length == 0 ? 0 : 1;
}
catch (NullReferenceException)
{
    // BenchmarkDotNet 0.14 falls over its own report when a benchmark throws in this process; its log says which one ran last.
    Console.Error.WriteLine($"FAILED: a benchmark threw: {log.CapturedOutput.LastOrDefault(o => o.Text.StartsWith("// Benchmark:", StringComparison.Ordinal)).Text}");
    return 1;
}
finally
{
    artifacts.Delete(recursive: true);
}
