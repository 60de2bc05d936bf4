import NIOCore
import SimulatedEngine
import Testing
import Workloads

@Suite struct StepPlanTests {
    func step(_ name: String, after: [String] = []) -> StepsSpec.Step {
        StepsSpec.Step(name: name, process: ProcessSpec(image: "busybox"), after: after)
    }

    @Test func `a step starts when all that it waits for have ended well`() {
        let steps = [step("a"), step("b"), step("c", after: ["a", "b"])]
        #expect(StepPlan(steps, states: [:]).start == ["a", "b"])
        #expect(StepPlan(steps, states: ["a": .ended(Exit(code: 0)), "b": .running]).start == [])
        #expect(StepPlan(steps, states: ["a": .ended(Exit(code: 0)), "b": .ended(Exit(code: 0))]).start == ["c"])
    }

    @Test func `a failed step leaves out what waits and stops what runs`() {
        let steps = [step("a"), step("b"), step("c", after: ["a"])]
        let plan = StepPlan(steps, states: ["a": .ended(Exit(code: 3)), "b": .running])
        #expect(plan.start == [])
        #expect(plan.skip == ["c"])
        #expect(plan.stop == ["b"])
    }

    @Test func `an allowed exit code is no failure, a timeout is`() {
        var first = step("a")
        first.allowedExitCodes = [3]
        #expect(StepPlan([first, step("b", after: ["a"])], states: ["a": .ended(Exit(code: 3))]).start == ["b"])
        let late = Exit(code: 3, reason: .timedOut)
        #expect(StepPlan([first, step("b", after: ["a"])], states: ["a": .ended(late)]).skip == ["b"])
    }

    @Test func `a step that filled the disk fails, whatever is allowed`() {
        var first = step("a")
        first.allowsFailure = true
        let exit = Exit(code: 137, reason: .outOfDisk, message: "full")
        #expect(StepPlan([first, step("b", after: ["a"])], states: ["a": .ended(exit)]).skip == ["b"])
    }

    @Test func `a step that waits for a later one is refused`() {
        let spec = StepsSpec(steps: [step("a", after: ["b"]), step("b")], workspace: "/workspace")
        #expect(throws: EngineError.self) { try spec.validate() }
    }
}

@Suite struct SimulatedEngineTests {
    let engine = SimulatedEngine(images: ["busybox"])

    @Test func `a part that is lost and found is unknown, then runs at another address with an empty log`() async throws
    {
        let process = ProcessSpec(image: "busybox")
        let spec = MachineSpec(process: process, bootsInit: true)
        try await engine.create(WorkloadSpec(name: "vm-1", labels: [:], shape: .machine(spec)))
        try await engine.start("vm-1")
        await engine.print("hello", as: "vm-1")
        await engine.lose("vm-1")
        #expect(try await engine.status(of: "vm-1")?["machine"]?.state == .unknown("The node is lost."))
        await engine.move("vm-1", to: "10.0.0.9")
        let status = try await engine.status(of: "vm-1")
        #expect(status?["machine"]?.state == .running)
        #expect(status?["machine"]?.address == "10.0.0.9")
        var lines = 0
        for try await _ in try await engine.logs(of: "vm-1", part: "machine", follow: false) { lines += 1 }
        #expect(lines == 0)
    }

    @Test func `an engine that went away ends its events and answers nothing`() async throws {
        let events = try await engine.events()
        await engine.goAway()
        await #expect(throws: EngineError.unreachable) { for try await _ in events {} }
        await #expect(throws: EngineError.unreachable) { try await engine.recover(labels: [:]) }
        await engine.comeBack()
        #expect(try await engine.recover(labels: [:]).isEmpty)
    }

    @Test func `a scripted program prints, ends and is seen in the log`() async throws {
        await engine.whenRun("busybox") { process in
            await process.print("accuracy 0.97")
            return Exit(code: 7)
        }
        let replica = ReplicasSpec.Replica(name: "r-0", process: ProcessSpec(image: "busybox"))
        try await engine.create(
            WorkloadSpec(name: "job-1", labels: ["kind": "job"], shape: .replicas(ReplicasSpec(replicas: [replica])))
        )
        try await engine.start("job-1")
        let end = try await engine.waitUntilEnded("job-1")
        #expect(end?["r-0"]?.state == .ended(Exit(code: 7)))
        var text = ""
        for try await chunk in try await engine.logs(of: "job-1", part: "r-0", follow: true) {
            text += String(buffer: chunk.bytes)
        }
        #expect(text == "accuracy 0.97\n")
    }

    @Test func `a start that fails is thrown and ends the part`() async throws {
        await engine.failStart(of: "busybox", "exec: no such file")
        let machine = MachineSpec(process: ProcessSpec(image: "busybox"), bootsInit: false)
        try await engine.create(WorkloadSpec(name: "vm-2", labels: [:], shape: .machine(machine)))
        await #expect(throws: EngineError.refused("exec: no such file")) { try await engine.start("vm-2") }
        let exit = Exit(code: 127, reason: .failedToStart, message: "exec: no such file")
        #expect(try await engine.status(of: "vm-2")?["machine"]?.state == .ended(exit))
    }

    @Test func `a command that is run inside reads its input and answers`() async throws {
        await engine.whenExecuted(where: { $0.command == ["cat"] }) { session in
            session.print(await session.readInput())
            return 4
        }
        let machine = MachineSpec(process: ProcessSpec(image: "busybox"), bootsInit: false)
        try await engine.create(WorkloadSpec(name: "vm-3", labels: [:], shape: .machine(machine)))
        try await engine.start("vm-3")
        let session = try await engine.exec(ExecSpec(["cat"]), in: "vm-3", part: "machine")
        try await session.write(ByteBuffer(string: "keys"))
        try await session.finishInput()
        var text = ""
        for try await chunk in session.output { text += String(buffer: chunk.bytes) }
        #expect(text == "keys\n")
        #expect(try await session.exitCode() == 4)
    }
}
